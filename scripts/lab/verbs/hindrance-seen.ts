import { logOf } from '../docker/log.ts'
import type { Container } from '../docker/nodes.ts'
import type { Observation } from '../postgres/database.ts'
import { peerOf } from '../postgres/sights.ts'
import { type Hindrance, hindranceOf } from '../rules/hindrance.ts'
import type { DatabaseNode, Lab } from '../topology/topology.ts'

/** Seconds, before `patience`: what keeps a database from following is logged at least once in this time. */
const LOG_SECONDS = 15

/** Finds out what keeps a database from following the other one, or from running. It reads the log, which needs no process. */
export async function hindranceSeen(
  lab: Lab,
  node: DatabaseNode,
  container: Container,
  own: Observation | undefined,
  primary: Observation | undefined,
): Promise<Hindrance | undefined> {
  const log = await logOf(node, container, LOG_SECONDS * lab.settings.patience)
  return hindranceOf({
    node,
    peer: peerOf(lab, node),
    own: factsOf(own),
    primary: factsOf(primary),
    log,
    image: container.image,
    refusal: own !== undefined && 'unreachable' in own ? own.unreachable : '',
  })
}

const factsOf = (seen: Observation | undefined) => (seen === undefined || 'unreachable' in seen ? undefined : seen)
