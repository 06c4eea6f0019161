import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { labError } from '../errors.ts'
import { readSecrets } from '../state/secrets.ts'
import { type DatabaseNode, endpointOf, type Lab } from '../topology/topology.ts'

/** Votes written straight into a published database, past the service. */
export type DirectVotes = {
  /** Sends one vote over each connection and does not wait. A connection whose last vote has no answer yet is replaced. */
  readonly cast: () => void
  readonly attempts: () => number
  readonly acknowledged: () => number
  readonly end: () => void
}

/** Opens connections like a client on this machine, to write votes for a poll. */
export async function directVotes(lab: Lab, node: DatabaseNode, poll: string, connections = 4): Promise<DirectVotes> {
  const secrets = await readSecrets(lab)
  const endpoint = endpointOf(lab, node)
  if (secrets === undefined || endpoint === null)
    throw labError('NOT_SET_UP', { lab: lab.name, missing: `way into ${node.name}` })
  const connectionString = `postgresql://owner:${secrets.owner}@${endpoint}/polling`
  const opened: pg.Client[] = []
  const connect = (): pg.Client => {
    const client = new pg.Client({ connectionString, connectionTimeoutMillis: 1000 })
    client.on('error', () => {})
    client.connect().catch(() => used.add(client))
    opened.push(client)
    return client
  }
  const used = new Set<pg.Client>()
  let clients = Array.from({ length: connections }, connect)
  let attempts = 0
  let acknowledged = 0
  const vote = async (client: pg.Client): Promise<void> => {
    attempts += 1
    used.add(client)
    await client.query('insert into vote (poll_id, user_id, option) values ($1, $2, 1)', [poll, randomUUID()])
    acknowledged += 1
    used.delete(client)
  }
  return {
    cast() {
      clients = clients.map((client) => (used.has(client) ? connect() : client))
      for (const client of clients) vote(client).catch(() => {})
    },
    attempts: () => attempts,
    acknowledged: () => acknowledged,
    end() {
      for (const client of opened) client.end().catch(() => {})
    },
  }
}
