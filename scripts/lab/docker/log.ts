import type { Node } from '../topology/topology.ts'
import { type Answer, engine } from './api.ts'
import type { Container } from './nodes.ts'

/** The most lines that are read. */
const LINES = 400

/** Milliseconds before the end of a run in which a process says why it ends. */
const LAST_WORDS_MS = 2000

/**
 * What a node logged on both outputs since its last start, in the last `seconds` before now, or before it ended. Empty if
 * there is no such container.
 */
export async function logOf(node: Node, container: Container, seconds: number): Promise<string> {
  const since = (sinceOf(container, seconds, Date.now()) / 1000).toFixed(3)
  const answer = await engine(
    'GET',
    `/containers/${node.container}/logs?stdout=1&stderr=1&tail=${LINES}&since=${since}`,
  )
  return answer.status === 200 ? textOf(answer) : ''
}

/**
 * From which moment on the log is about this run of the container, in milliseconds since 1970. One that the engine has started
 * again has logged nothing at first: its last words before count too. So do those of one that has ended: a busy engine notes
 * the start of a process only after its first words, which may be its last.
 */
export function sinceOf({ state, startedAt, finishedAt, restarts }: Started, seconds: number, now: number): number {
  const started = Date.parse(startedAt ?? '') || 0
  const lastWords = Date.parse(finishedAt ?? '') - LAST_WORDS_MS
  if (state === 'running' || state === 'paused')
    return Math.max(now - seconds * 1000, restarts > 0 ? lastWords || 0 : started)
  return Math.max((Date.parse(finishedAt ?? '') || now) - seconds * 1000, Math.min(started, lastWords || started))
}

type Started = Pick<Container, 'state' | 'startedAt' | 'finishedAt' | 'restarts'>

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
