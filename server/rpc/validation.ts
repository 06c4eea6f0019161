import { GROUP_SIZE } from '../ballot-box.ts'
import { type Failure, invalidField } from '../errors.ts'

/** The limits of the wire contract, as the table in proto/polling.proto has them; texts in bytes of UTF-8. */
export const LIMITS = {
  questionBytes: 500,
  minOptions: 2,
  maxOptions: 50,
  optionBytes: 200,
  userIdBytes: 200,
  keyCharacters: 128,
  batchVotes: GROUP_SIZE,
  pagePolls: 300,
  requestBytes: 1024 * 1024,
  metadataBytes: 16 * 1024,
} as const

/** At least one visible character, which is not white space, a control or format character, or otherwise invisible. */
const VISIBLE = /[^\p{White_Space}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/u

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** What is wrong with the fields of a CreatePollRequest, if anything. */
export function checkCreatePoll(request: { poll_questions: string; options: string[] }): Failure | undefined {
  const { poll_questions: question, options } = request
  return checkName('poll_questions', question, LIMITS.questionBytes) ?? checkOptions(options)
}

/** What is wrong with the fields of a CastVoteRequest, if anything. An unknown option is no error here: it has a status. */
export function checkCastVote(request: { uuid: string; userID: string; select_options: string }): Failure | undefined {
  return (
    checkUuid(request.uuid) ??
    checkName('userID', request.userID, LIMITS.userIdBytes) ??
    (request.select_options === ''
      ? undefined
      : checkText('select_options', request.select_options, LIMITS.optionBytes))
  )
}

/** What is wrong with a poll's uuid, if anything. */
export function checkUuid(uuid: string): Failure | undefined {
  return UUID.test(uuid) ? undefined : invalidField('uuid', 'must be a UUID of 36 characters')
}

function checkOptions(options: string[]): Failure | undefined {
  const { minOptions, maxOptions } = LIMITS
  if (options.length < minOptions || options.length > maxOptions) {
    return invalidField('options', `must be ${minOptions} to ${maxOptions}, not ${options.length}`)
  }
  const seen = new Set<string>()
  for (const [index, option] of options.entries()) {
    const field = `options[${index}]`
    const problem = checkName(field, option, LIMITS.optionBytes)
    if (problem) return problem
    if (seen.has(option)) return invalidField(field, 'must not repeat another option')
    seen.add(option)
  }
  return undefined
}

/** Checks a text that people must be able to distinguish from others. */
function checkName(field: string, text: string, maxBytes: number): Failure | undefined {
  const problem = checkText(field, text, maxBytes)
  if (problem || VISIBLE.test(text)) return problem
  return invalidField(field, 'must have a visible character')
}

function checkText(field: string, text: string, maxBytes: number): Failure | undefined {
  if (text === '') return invalidField(field, 'must not be empty')
  // A character takes at least one byte, so the first comparison avoids counting a text that is far too long.
  if (text.length > maxBytes || Buffer.byteLength(text) > maxBytes) {
    return invalidField(field, `must be at most ${maxBytes} bytes of UTF-8`)
  }
  // PostgreSQL's text type cannot hold it.
  if (text.includes('\0')) return invalidField(field, 'must not contain the NUL character')
  if (!text.isWellFormed()) return invalidField(field, 'must be valid UTF-8')
  return undefined
}
