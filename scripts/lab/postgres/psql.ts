import { attempt, failure } from '../docker/command.ts'
import type { DatabaseNode } from '../topology/topology.ts'

/** Runs SQL inside a database node as its superuser; gives rows as lines, columns separated by `|`. */
export async function psql(node: DatabaseNode, sql: string): Promise<string> {
  const command = ['exec', '-i', node.container, 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', 'polling', '-f', '-']
  const done = await attempt(command, sql)
  if (done.exit !== 0) throw failure(command, done)
  return done.stdout
}
