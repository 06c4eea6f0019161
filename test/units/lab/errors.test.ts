import { test } from 'tap'
import { ERRORS } from '../../../scripts/lab/error-table.ts'
import { labError } from '../../../scripts/lab/errors.ts'

test('every error says what happened and what to do next', async (t) => {
  for (const [code, { says, fix }] of Object.entries(ERRORS)) {
    t.match(code, /^[A-Z_]+$/)
    t.ok(says.length > 5 && fix.length > 5, code)
  }
})

test('the blanks of an error are filled, in its message, its details and its fix', async (t) => {
  const error = labError('ENGINE_REFUSED', { exit: 1, command: 'docker run', stderr: 'no\nreally' })
  t.match(error, { code: 'ENGINE_REFUSED', message: 'exit 1 from: docker run', details: 'no\nreally' })
  t.equal(labError('LOSES_TOO_MUCH', { node: 'a', old: 'b', bytes: 7, allowed: 0 }).fix.includes('{'), false)
  // @ts-expect-error the compiler asks for the facts that are missing here
  labError('BUSY', {})
})

test('an error has a fix for each verb: an option is named only to users of a verb that has it', async (t) => {
  const paused = labError('REPLAY_PAUSED', { node: 'db-replica', container: 'x-db-replica' })
  t.match(paused.fixIn('failover'), /docker exec x-db-replica .*pg_wal_replay_resume.*or let --force do it/)
  t.equal(paused.fixIn('switchover'), paused.fix)
  t.notMatch(paused.fix, /--/)
  t.match(
    labError('SPLIT_BRAIN', { seen: 'both' }).fixIn('rejoin'),
    /stop each other one with docker stop/,
    'no verb sends to itself',
  )
})
