// Sessions of the lab's own roles, over the published port, as anything else that holds their passwords would have them.
import pg from 'pg'
import { readSecrets } from '../../scripts/lab/state/secrets.ts'
import type { Secret } from '../../scripts/lab/topology/topology.ts'
import { addressOf, lab, patience } from '../the-lab.ts'

const secrets = await readSecrets(lab)
if (secrets === undefined) throw new Error('the lab has no passwords')
export const passwords = secrets

export type Login = { readonly role: Secret; readonly database?: string; readonly replication?: boolean }

/** A session on db-primary; throws if it is refused. */
export async function login({ role, database = 'polling', replication = false }: Login): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: `postgresql://${role}:${passwords[role]}@${addressOf('db-primary')}/${database}`,
    connectionTimeoutMillis: 5000 * patience,
    query_timeout: 10_000 * patience,
    ...(replication ? { replication: 'true' } : {}),
  })
  client.on('error', () => {})
  await client.connect()
  return client
}

/** The SQLSTATE that it fails with, or `done`. */
export const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: Error & { code?: string }) => error.code ?? error.message,
  )
