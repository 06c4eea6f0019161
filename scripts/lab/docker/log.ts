import type { Node } from '../topology/topology.ts'
import { type Answer, engine } from './api.ts'
import type { Container } from './nodes.ts'

/** The most lines that are read. */
const LINES = 400

/** Milliseconds before the end of a run in which a process says why it ends. */
const LAST_WORDS_MS = 2000

/**
 * What a node logged on both outputs since its last start, in the last `seconds` before now, or before it ended. Empty if
 * there is no such container. One that the engine has started again has logged nothing at first: its last words before count too.
 */
export async function logOf(node: Node, container: Container, seconds: number): Promise<string> {
  const { state, finishedAt = '', startedAt = '', restarts } = container
  const runs = state === 'running' || state === 'paused'
  const until = runs || finishedAt === '' ? Date.now() : Date.parse(finishedAt)
  const began = runs && restarts > 0 ? Date.parse(finishedAt) - LAST_WORDS_MS : Date.parse(startedAt)
  const since = Math.max((until - seconds * 1000) / 1000, Number.isNaN(began) ? 0 : began / 1000)
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
