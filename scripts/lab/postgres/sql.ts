import { act } from '../docker/command.ts'
import { execIn } from '../docker/exec.ts'
import { containersOf } from '../docker/nodes.ts'
import { labError } from '../errors.ts'
import type { Tell } from '../steps.ts'
import type { AnyDatabase, DatabaseNode, Lab } from '../topology/topology.ts'

/**
 * Runs SQL that changes something, as the superuser inside a database's container. First it tells the command. Each
 * statement is a transaction of its own. Gives what the last one printed.
 */
export async function change(
  tell: Tell,
  node: Pick<DatabaseNode, 'container'>,
  ...statements: readonly string[]
): Promise<string> {
  const printed = await act(tell, commandFor(node, statements))
  return printed.split('\n').at(-1) ?? ''
}

/** Statements as psql reads them; psql's own commands end with their line. */
export const scriptOf = (statements: readonly string[]): string =>
  statements.map((statement) => (statement.startsWith('\\') ? statement : `${statement};`)).join('\n')

/** The arguments of `docker` that run statements inside a database's container. */
export const commandFor = (node: Pick<DatabaseNode, 'container'>, statements: readonly string[]): readonly string[] => [
  ...['exec', node.container, ...PSQL],
  ...statements.flatMap((statement) => ['-c', statement.trim().replace(/\s+/g, ' ')]),
]

/** Runs SQL that only reads, as the superuser inside a database's container; gives rows as lines. */
export async function ask(lab: Lab, node: AnyDatabase, query: string, seconds = 10): Promise<string> {
  const limit = Math.ceil(seconds * lab.settings.patience)
  const asked = await execIn(node.container, ['timeout', String(limit), ...PSQL, '-f', '-'], query)
  if (asked.exit === 0) return asked.stdout
  const [container] = await containersOf(lab, [node])
  if (container?.state !== 'running')
    throw labError('DATABASE_DOWN', { node: node.name, state: container?.state ?? 'absent' })
  throw labError('DATABASE_SILENT', { node: node.name, problem: asked.stderr || `no answer in ${limit} s` })
}

/** The command that runs SQL inside a database's container. The superuser needs no password there. */
export const psqlOn = (database: string): readonly string[] => [
  'psql',
  '-XAtq',
  '-v',
  'ON_ERROR_STOP=1',
  '-d',
  database,
]

export const PSQL = psqlOn('polling')
