// A lab in which a poll went too far: what tests of restore --replace start from.
import { client, ok } from '../grpc.ts'
import { addressOf, sql, verb } from '../the-lab.ts'

/** A poll with votes before and after a mark; the vote after it has a consistency token. */
export async function wentTooFar() {
  const polling = client(addressOf('loader'))
  const { uuid } = await ok(polling.createPoll({ poll_questions: 'Who?', options: ['a', 'b'] }))
  const vote = (userID: string) => polling.castVote({ uuid, userID, select_options: 'a' })
  await ok(vote('ann'))
  await verb('backup')
  await verb('backup', ['mark', 'before'])
  await sql('db-primary', `delete from vote where poll_id = '${uuid}'`)
  const late = await vote('late')
  if (!('ok' in late)) throw new Error(late.details)
  return { polling, uuid, vote, token: late.token }
}
