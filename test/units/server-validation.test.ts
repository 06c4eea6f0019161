import fc from 'fast-check'
import { test } from 'tap'
import { clientMessage } from '../../server/errors.ts'
import { checkCastVote, checkCreatePoll, checkUuid, LIMITS } from '../../server/rpc/validation.ts'

const UUID = '6f4a07f2-ff37-4a5b-b039-9517e9ba0b61'

/** Text without NUL, of 1 to `maxBytes` bytes of UTF-8. */
const text = (maxBytes: number) =>
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: maxBytes })
    .filter((value) => !value.includes('\0') && Buffer.byteLength(value) >= 1 && Buffer.byteLength(value) <= maxBytes)

const poll = fc.record({
  poll_questions: text(LIMITS.questionBytes),
  options: fc.uniqueArray(text(LIMITS.optionBytes), { minLength: LIMITS.minOptions, maxLength: LIMITS.maxOptions }),
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
    fc.property(text(50), text(50), (before, after) => {
      const bad = `${before}\0${after}`
      const inVote = checkCastVote({ uuid: UUID, userID: bad, select_options: 'a' })
      const inChoice = checkCastVote({ uuid: UUID, userID: 'u', select_options: bad })
      const inQuestion = checkCreatePoll({ poll_questions: bad, options: ['a', 'b'] })
      return [inVote, inChoice, inQuestion].every((failure) => failure?.failure === 'INVALID_FIELD')
    }),
  )
  t.pass()
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
