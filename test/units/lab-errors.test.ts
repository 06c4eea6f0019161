import { test } from 'tap'
import { ERRORS, labError } from '../../scripts/lab/errors.ts'

test('every error says what happened and what to do next', async (t) => {
  for (const [code, { says, fix }] of Object.entries(ERRORS)) {
    t.match(code, /^[A-Z_]+$/)
    t.ok(says.length > 5 && fix.length > 5, code)
  }
})

test('the blanks of an error are filled, in its message, its details and its fix', async (t) => {
  const error = labError('ENGINE_REFUSED', { exit: 1, command: 'docker run', stderr: 'no\nreally' })
  t.match(error, { code: 'ENGINE_REFUSED', message: 'exit 1 from: docker run', details: 'no\nreally' })
  // @ts-expect-error the compiler asks for the facts that are missing here
  labError('BUSY', {})
})
