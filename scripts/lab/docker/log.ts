import type { Node } from '../topology/topology.ts'
import { type Answer, engine } from './api.ts'
import type { Container } from './nodes.ts'

/** The most lines that are read. */
const LINES = 400

/**
 * What a node logged on both outputs since its last start by a command, in the last `seconds` before now, or before it ended. Empty if
 * there is no such container.
 */
export async function logOf(node: Node, container: Container, seconds: number): Promise<string> {
  const ended = container.state === 'running' || container.state === 'paused' ? undefined : container.finishedAt
  const until = ended === undefined ? Date.now() : Date.parse(ended)
  // One that the engine starts again and again has logged nothing yet after a start: the run before says why it ends.
  const started = container.restarts > 0 ? Number.NaN : Date.parse(container.startedAt ?? '')
  const since = Math.max((until - seconds * 1000) / 1000, Number.isNaN(started) ? 0 : started / 1000)
  const path = `/containers/${node.container}/logs?stdout=1&stderr=1&tail=${LINES}&since=${since.toFixed(3)}`
  const answer = await engine('GET', path)
  return answer.status === 200 ? textOf(answer) : ''
}

/** The engine sends pieces, each after a header of 8 bytes: the first says which output, the last four the length. */
function textOf({ body }: Answer): string {
  const pieces: string[] = []
  for (let at = 0; at + 8 <= body.length; ) {
    const end = at + 8 + body.readUInt32BE(at + 4)
    pieces.push(body.toString('utf8', at + 8, end))
    at = end
  }
  return pieces.join('')
}
