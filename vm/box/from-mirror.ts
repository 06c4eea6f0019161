import { startRelay } from '../network/relay.ts'
import { Problem } from './problem.ts'

/**
 * Does work that downloads packages, from the mirror if there is one: it gets what its commands need in their environment,
 * as assignments. If the mirror gave no answer, a Problem says what it was asked.
 */
export async function fromMirror<T>(
  mirror: string | undefined,
  work: (environment: readonly string[]) => Promise<T>,
): Promise<T> {
  if (mirror === undefined) return work([])
  await using relay = await startRelay(mirror)
  try {
    return await work(Object.entries(relay.environment).map(([name, value]) => `${name}=${value}`))
  } catch (error) {
    const unanswered = relay.unanswered()
    if (unanswered === undefined) throw error
    throw new Problem(
      `the mirror in LAB_MIRROR gave no answer to ${unanswered.asked}: ${unanswered.problem}`,
      'set LAB_MIRROR to a mirror that has this, or unset it to use the one of Debian',
    )
  }
}
