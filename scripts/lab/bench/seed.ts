import { once } from 'node:events'
import type { CastVotesResponse, VoteServiceClient } from '../../../proto/gen/polling.ts'
import { ask } from '../postgres/sql.ts'
import { STORED, servicesAt } from '../service/call.ts'
import { type DatabaseNode, endpointOf, type Lab } from '../topology/topology.ts'
import { OPTION } from './work.ts'

/** At most this many votes of a poll are cast through the service; the others by SQL, which is faster. */
const THROUGH_SERVICE = 10_000
const BATCH = 100

/**
 * Gives a poll that many votes. The last of them are cast through the service, so that the tallies are as it makes them.
 * The others are written by SQL first; the same trigger counts them.
 */
export async function seed(lab: Lab, database: DatabaseNode, poll: string, votes: number): Promise<void> {
  const bySql = Math.max(0, votes - THROUGH_SERVICE)
  const rows = `select '${poll}', 'seed.' || n, 1 + n % 2 from generate_series(1, ${bySql}) as n`
  await ask(lab, database, `insert into vote (poll_id, user_id, option) ${rows}`, 300)
  const services = servicesAt(endpointOf(lab, lab.loader) ?? '')
  await castAll(services.votes, poll, bySql + 1, votes).finally(services.close)
}

async function castAll(client: VoteServiceClient, poll: string, first: number, last: number): Promise<void> {
  const stream = client.castVotes()
  let stored = 0
  stream.on('data', ({ results }: CastVotesResponse) => {
    stored += results.filter(({ status }) => status === STORED).length
  })
  const ended = once(stream, 'end')
  for (let from = first, batch = 0; from <= last; from += BATCH, batch++) {
    const length = Math.min(BATCH, last - from + 1)
    const votes = Array.from({ length }, (_, nth) => ({
      uuid: poll,
      userID: `seed.${from + nth}`,
      select_options: OPTION,
      idempotency_key: '',
    }))
    if (!stream.write({ batch, votes })) await once(stream, 'drain')
  }
  stream.end()
  await ended
  const asked = last - first + 1
  if (stored !== asked) throw new Error(`of ${asked} votes only ${stored} were stored`)
}
