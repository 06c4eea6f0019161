import { attempt, typed } from '../../docker/command.ts'
import { labError } from '../../errors.ts'
import { lookAtDatabases } from '../../postgres/sights.ts'
import { membersOf } from '../../rules/members.ts'
import type { Tell } from '../../steps.ts'
import type { DatabaseNode, Lab } from '../../topology/topology.ts'

const REFUSES = /^Error|(fail|switch)over failed|^Failed/i

/** Runs `patronictl` in a database's container, as a user would. Patroni's refusal is a `PATRONI_REFUSED` error with its words. */
export async function patronictl(tell: Tell, { container }: DatabaseNode, ...args: readonly string[]): Promise<void> {
  const command = ['exec', container, 'patronictl', ...args]
  tell(`docker ${command.map(typed).join(' ')}`)
  const { exit, stdout, stderr } = await attempt(command)
  // It may end with 0 although Patroni refused: then it says so.
  const said = `${stdout}\n${stderr}`.split('\n').filter((line) => REFUSES.test(line))
  if (exit === 0 && said.length === 0) return
  throw labError('PATRONI_REFUSED', { command: args.join(' '), said: said.join('; ') || stderr.trim(), container })
}

/** A database in which `patronictl` can run: the first that answers. */
export async function whereToAsk(lab: Lab): Promise<DatabaseNode> {
  const { primary, standbys } = membersOf(await lookAtDatabases(lab))
  const [found = primary] = standbys
  if (found === undefined) throw labError('PATRONI_SILENT', { lab: lab.name })
  return found.node
}
