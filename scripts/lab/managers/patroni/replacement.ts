import { logOf } from '../../docker/log.ts'
import { ABSENT, containersOf } from '../../docker/nodes.ts'
import { courseIn } from '../../rules/patroni-course.ts'
import { type DatabaseName, type DatabaseNode, databaseNamed, type Lab } from '../../topology/topology.ts'
import type { Replacement } from '../manager.ts'
import { newPrimary } from './new-primary.ts'
import { needView } from './view.ts'

/** Seconds of the logs that are read. */
const LOG_SECONDS = 120

/** Waits until Patroni has replaced that primary by itself, and reads in the logs how it went. */
export async function replaced(lab: Lab, old: DatabaseName): Promise<Replacement> {
  const { ttl, retryTimeout } = await needView(lab)
  const { node } = await newPrimary(lab, old, ttl + 2 * retryTimeout + 20)
  const [before, after] = await Promise.all([logFrom(lab, databaseNamed(lab, old)), logFrom(lab, node)])
  return { promoted: node.name, ...courseIn(before, after, ttl) }
}

async function logFrom(lab: Lab, node: DatabaseNode): Promise<string> {
  const [container = ABSENT] = await containersOf(lab, [node])
  return logOf(node, container, LOG_SECONDS)
}
