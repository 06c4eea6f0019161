import { act, type Tell } from '../engine/docker.ts'
import { LabError, labError } from '../errors.ts'
import { untilNodes } from '../faults/waiting.ts'
import type { Lab } from '../topology.ts'
import { lookAtDatabases, primariesOf, seenOf } from './databases.ts'

/**
 * Brings data from before to the rights and the schema of now, on whichever database is the primary, once one is. It runs
 * inside that container, whose superuser needs no password: so the owner's is in no node. Gives what was applied.
 */
export async function migrate(tell: Tell, lab: Lab): Promise<readonly string[]> {
  const what = 'a primary, to bring its schema up to date'
  // It is asked inside its container, where no fault of the network reaches.
  const wait = { what, seconds: 30, needs: [], mustNotEnd: lab.databases, suspects: [] }
  const node = await untilNodes(lab, wait, async () => {
    const sights = await lookAtDatabases(lab)
    const [primary] = primariesOf(sights)
    return primary === undefined ? { seen: seenOf(sights) } : { done: primary.node }
  })
  const applied = await act(tell, ['exec', node.container, 'bash', '/usr/local/bin/migrate']).catch((error) => {
    if (!(error instanceof LabError) || error.code !== 'ENGINE_REFUSED') throw error
    throw labError('MIGRATION_FAILED', { node: node.name, said: error.details })
  })
  return applied.split('\n').filter((line) => line !== '')
}
