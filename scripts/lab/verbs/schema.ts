import { execIn } from '../docker/exec.ts'
import { labError } from '../errors.ts'
import { untilNodes } from '../faults/waiting.ts'
import type { Tell } from '../steps.ts'
import type { Lab } from '../topology/topology.ts'
import { untilHopeless } from './mendable.ts'
import { statusOf } from './status.ts'

/** Exit code of psql if it gets no connection or loses it: the database is starting or stopping. */
const NOT_CONNECTED = 2

/**
 * Brings older data to the present schema and rights, on the primary database, when there is one. It runs inside that
 * container, where the superuser needs no password: so the owner's password is in no node. Gives what was applied.
 */
export async function migrate(tell: Tell, lab: Lab): Promise<readonly string[]> {
  const what = 'a primary, to bring its schema up to date'
  // The database is asked inside its container, where network faults do not matter.
  const wait = { what, seconds: 30, needs: [], mustNotEnd: lab.databases, suspects: [] }
  const assertMendable = untilHopeless(lab.settings.patience)
  const applied = await untilNodes(lab, wait, async () => {
    const status = await statusOf(lab, lab.databases)
    const primary = lab.databases.find(({ name }) => status.primaries.includes(name))
    if (primary === undefined) {
      assertMendable(status)
      return { seen: status.nodes.map(({ name, problem }) => `${name}: ${problem ?? 'no primary'}`).join('; ') }
    }
    const { name, container } = primary
    const command = ['bash', '/usr/local/bin/migrate']
    tell(`docker exec ${container} ${command.join(' ')}`)
    const ran = await execIn(container, command)
    if (ran.exit === 0) return { done: ran.stdout }
    if (ran.exit === NOT_CONNECTED) {
      // On a full disk some sessions open, and others do not.
      assertMendable(status)
      return { seen: `${name}: ${ran.stderr}` }
    }
    throw labError('MIGRATION_FAILED', { node: name, said: ran.stderr })
  })
  return applied.split('\n').filter((line) => line !== '')
}
