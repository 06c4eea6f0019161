import { attempt, typed } from '../docker/command.ts'
import { labError } from '../errors.ts'
import { untilNodes } from '../faults/waiting.ts'
import type { Tell } from '../steps.ts'
import type { Lab } from '../topology/topology.ts'
import { untilHopeless } from './mendable.ts'
import { statusOf } from './status.ts'

/** Exit code of psql when it gets no connection, or loses it: the database is coming up, or going down. */
const NOT_CONNECTED = 2

/**
 * Brings data from before to the rights and the schema of now, on whichever database is the primary, once one is. It runs
 * inside that container, whose superuser needs no password: so the owner's is in no node. Gives what was applied.
 */
export async function migrate(tell: Tell, lab: Lab): Promise<readonly string[]> {
  const what = 'a primary, to bring its schema up to date'
  // It is asked inside its container, where no fault of the network reaches.
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
    const command = ['exec', container, 'bash', '/usr/local/bin/migrate']
    tell(`docker ${command.map(typed).join(' ')}`)
    const ran = await attempt(command)
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
