import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'tap'
import { clientMessage } from '../../../server/errors.ts'
import { exactText } from '../../../server/rpc/exact-text.ts'
import { checkCastVote, checkCreatePoll, checkUuid, LIMITS } from '../../../server/rpc/validation.ts'
import { blankText, noUtf8, visibleText } from '../../texts.ts'

const contract = await readFile(join(import.meta.dirname, '../../../proto/polling.proto'), 'utf8')

const UUID = '6f4a07f2-ff37-4a5b-b039-9517e9ba0b61'

const poll = fc.record({
  poll_questions: visibleText(LIMITS.questionBytes),
  options: fc.uniqueArray(visibleText(LIMITS.optionBytes), {
    minLength: LIMITS.minOptions,
    maxLength: LIMITS.maxOptions,
  }),
})

test('every poll within the documented sizes is accepted', async (t) => {
  fc.assert(fc.property(poll, (request) => checkCreatePoll(request) === undefined))
  t.pass()
})

test('a poll at the limits is accepted and one byte more is refused, counted in bytes of UTF-8', async (t) => {
  const options = ['a'.repeat(200), `${'é'.repeat(99)}aa`]
  t.equal(checkCreatePoll({ poll_questions: 'é'.repeat(250), options }), undefined)
  t.match(checkCreatePoll({ poll_questions: `${'é'.repeat(250)}a`, options }), { message: /^poll_questions: / })
  t.match(checkCreatePoll({ poll_questions: 'q', options: ['b', 'a'.repeat(201)] }), { message: /^options\[1\]: / })
  const fifty = Array.from({ length: 50 }, (_, index) => `option ${index}`)
  t.equal(checkCreatePoll({ poll_questions: 'q', options: fifty }), undefined)
  t.match(checkCreatePoll({ poll_questions: 'q', options: [...fifty, 'one more'] }), { message: /^options: / })
})

test('a refused poll names the field that is wrong', async (t) => {
  const refusals: [{ poll_questions: string; options: string[] }, string][] = [
    [{ poll_questions: '', options: ['a', 'b'] }, 'poll_questions: must not be empty'],
    [{ poll_questions: 'a\0b', options: ['a', 'b'] }, 'poll_questions: must not contain the NUL character'],
    [{ poll_questions: 'q', options: [] }, 'options: must be 2 to 50, not 0'],
    [{ poll_questions: 'q', options: ['a'] }, 'options: must be 2 to 50, not 1'],
    [{ poll_questions: 'q', options: ['a', ''] }, 'options[1]: must not be empty'],
    [{ poll_questions: 'q', options: ['a', 'b', 'a'] }, 'options[2]: must not repeat another option'],
    [{ poll_questions: 'q', options: ['a', 'b\0'] }, 'options[1]: must not contain the NUL character'],
  ]
  for (const [request, message] of refusals) t.match(checkCreatePoll(request), { failure: 'INVALID_FIELD', message })
})

test('a repeated option is refused wherever it stands', async (t) => {
  fc.assert(
    fc.property(poll, fc.nat(), fc.nat(), ({ poll_questions, options }, from, to) => {
      const copy = options[from % options.length] ?? ''
      const repeated = [...options]
      repeated.splice(to % (options.length + 1), 0, copy)
      return checkCreatePoll({ poll_questions, options: repeated })?.failure === 'INVALID_FIELD'
    }),
  )
  t.pass()
})

test('no text with a NUL character passes', async (t) => {
  fc.assert(
    fc.property(visibleText(50), visibleText(50), (before, after) => {
      const bad = `${before}\0${after}`
      const inVote = checkCastVote({ uuid: UUID, userID: bad, select_options: 'a' })
      const inChoice = checkCastVote({ uuid: UUID, userID: 'u', select_options: bad })
      const inQuestion = checkCreatePoll({ poll_questions: bad, options: ['a', 'b'] })
      return [inVote, inChoice, inQuestion].every((failure) => failure?.failure === 'INVALID_FIELD')
    }),
  )
  t.pass()
})

test('a question, an option or a userID with nothing to be seen is refused, whatever it is made of', async (t) => {
  const blank = { description: 'must have a visible character' }
  fc.assert(
    fc.property(blankText(200), (text) => {
      t.match(checkCreatePoll({ poll_questions: text, options: ['a', 'b'] })?.violation, {
        field: 'poll_questions',
        ...blank,
      })
      t.match(checkCreatePoll({ poll_questions: 'q', options: ['a', text] })?.violation, {
        field: 'options[1]',
        ...blank,
      })
      t.match(checkCastVote({ uuid: UUID, userID: text, select_options: 'a' })?.violation, {
        field: 'userID',
        ...blank,
      })
      t.equal(checkCastVote({ uuid: UUID, userID: 'u', select_options: text }), undefined, 'no option: it has a status')
    }),
  )
})

test('bytes that are no UTF-8 are refused, and every text is read as it is', async (t) => {
  fc.assert(
    fc.property(noUtf8, (bytes) => {
      const text = exactText(bytes)
      const inVote = checkCastVote({ uuid: UUID, userID: text, select_options: 'a' })
      const inChoice = checkCastVote({ uuid: UUID, userID: 'u', select_options: text })
      const inPoll = checkCreatePoll({ poll_questions: text, options: ['a', 'b'] })
      return [inVote, inChoice, inPoll].every((it) => it?.violation?.description === 'must be valid UTF-8')
    }),
  )
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => exactText(Buffer.from(text)) === text.toWellFormed()))
  for (const text of ['\ufffd', '\ufeffa', 'a\ufffdé']) t.equal(exactText(Buffer.from(text)), text)
})

test('the limits are those of the contract, which tells of each once', async (t) => {
  const table = new Map(
    [...contract.matchAll(/^\/\/ {3}([\w -]+?) {2,}(\d+) to (\d+)/gm)].map(([, what, low, high]) => [
      what,
      [Number(low), Number(high)],
    ]),
  )
  t.strictSame(Object.fromEntries(table), {
    poll_questions: [1, LIMITS.questionBytes],
    options: [LIMITS.minOptions, LIMITS.maxOptions],
    'each option': [1, LIMITS.optionBytes],
    userID: [1, LIMITS.userIdBytes],
    select_options: [0, LIMITS.optionBytes],
    'idempotency-key': [1, LIMITS.keyCharacters],
    votes: [0, LIMITS.batchVotes],
    page_size: [1, LIMITS.pagePolls],
    'a whole request': [0, LIMITS.requestBytes],
    'all metadata': [0, LIMITS.metadataBytes],
  })
  const fields = contract.slice(contract.indexOf('syntax ='))
  t.notMatch(fields, /\b(500|50|200|128|512|300) (bytes|votes|of them|polls)|\b1 to \d+|\bat most \d/i)
})

test('a vote needs a well-formed uuid and a userID; an unknown option is not malformed', async (t) => {
  t.equal(checkCastVote({ uuid: UUID, userID: 'u', select_options: '' }), undefined)
  t.equal(checkCastVote({ uuid: UUID.toUpperCase(), userID: 'é'.repeat(100), select_options: 'anything' }), undefined)
  t.match(checkCastVote({ uuid: UUID, userID: '', select_options: 'a' }), { message: /^userID: must not be empty/ })
  t.match(checkCastVote({ uuid: UUID, userID: 'é'.repeat(101), select_options: 'a' }), { message: /^userID: / })
  t.match(checkCastVote({ uuid: 'x', userID: 'u', select_options: 'a' }), { message: /^uuid: / })
})

test('every uuid is accepted, and nothing else', async (t) => {
  fc.assert(fc.property(fc.uuid(), (uuid) => checkUuid(uuid) === undefined))
  fc.assert(fc.property(fc.string(), (other) => checkUuid(other)?.failure === 'INVALID_FIELD'))
  for (const near of [`${UUID} `, `${UUID}\n`, `{${UUID}}`, UUID.replaceAll('-', ''), UUID.replace('6', 'g'), '']) {
    t.match(checkUuid(near), { failure: 'INVALID_FIELD' }, JSON.stringify(near))
  }
})

test('the message to the client begins with the field and says that nothing was written', async (t) => {
  const failure = checkUuid('x')
  t.match(failure && clientMessage(failure), /^uuid: .*\(definite: nothing was written\)$/)
})
