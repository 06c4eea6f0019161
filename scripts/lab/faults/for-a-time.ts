import { setTimeout as pause } from 'node:timers/promises'
import { LabError } from '../errors.ts'
import { beginAgain, interruption } from '../interruption.ts'
import type { Reporter } from '../steps.ts'
import type { Lab } from '../topology/topology.ts'
import { until } from '../wait.ts'
import { heal } from './heal.ts'
import { endsOf, inject, type Wish } from './inject.ts'

/**
 * Injects a fault and heals it after `seconds`, or at once when interrupted. `held` is called when the fault is in force.
 * Gives whether it was interrupted.
 */
export async function injectFor(
  lab: Lab,
  wish: Wish,
  seconds: number,
  held: () => void,
  reporter: Reporter,
): Promise<boolean> {
  const { node, peers } = endsOf(lab, wish)
  try {
    await inject(lab, wish, reporter)
    held()
    await pause(seconds * 1000, undefined, { signal: interruption.signal })
  } catch (error) {
    // A refused fault needs no healing; an interrupted one may be in force.
    if (!interruption.signal.aborted) throw error
  }
  const interrupted = interruption.signal.aborted
  beginAgain()
  const choice = { kinds: [wish.kind.name], nodes: [node], ...(wish.kind.hasPeers ? { peers } : {}) }
  await until('another command to release the lab', { seconds: 120, patience: lab.settings.patience }, async () => {
    try {
      return { done: await heal(lab, choice, reporter) }
    } catch (error) {
      if (error instanceof LabError && error.code === 'BUSY') return { seen: error.message }
      throw error
    }
  })
  return interrupted
}
