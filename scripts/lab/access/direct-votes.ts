import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { labError } from '../errors.ts'
import { type DatabaseNode, endpointOf, type Lab } from '../topology.ts'
import { readSecrets } from './secrets.ts'

/** Votes written straight into a published database, past the service. */
export type DirectVotes = {
  /** Sends one vote over each connection, and makes new ones for those that have ended; waits for no answer. */
  readonly cast: () => void
  readonly attempts: () => number
  readonly acknowledged: () => number
  readonly end: () => void
}

/** Opens connections as a client on this machine would, to write votes for a poll. */
export async function directVotes(lab: Lab, node: DatabaseNode, poll: string, connections = 4): Promise<DirectVotes> {
  const secrets = await readSecrets(lab)
  const endpoint = endpointOf(lab, node)
  if (secrets === undefined || endpoint === null)
    throw labError('NOT_SET_UP', { lab: lab.name, missing: `way into ${node.name}` })
  const connectionString = `postgresql://owner:${secrets.owner}@${endpoint}/polling`
  const ended = new Set<pg.Client>()
  const connect = (): pg.Client => {
    const client = new pg.Client({ connectionString, connectionTimeoutMillis: 1000 })
    client.on('error', () => {})
    client.connect().catch(() => ended.add(client))
    return client
  }
  let clients = Array.from({ length: connections }, connect)
  let attempts = 0
  let acknowledged = 0
  return {
    cast() {
      clients = clients.map((client) => (ended.has(client) ? connect() : client))
      for (const client of clients) {
        attempts += 1
        client.query('insert into vote (poll_id, user_id, option) values ($1, $2, 1)', [poll, randomUUID()]).then(
          () => {
            acknowledged += 1
          },
          () => ended.add(client),
        )
      }
    },
    attempts: () => attempts,
    acknowledged: () => acknowledged,
    end() {
      for (const client of clients) client.end().catch(() => {})
    },
  }
}
