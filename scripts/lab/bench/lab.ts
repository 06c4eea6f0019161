import { beginAgain, interruption } from '../interruption.ts'
import { readSettings, type Settings } from '../settings.ts'
import type { Reporter } from '../steps.ts'
import { freePortOffset } from '../topology/free-ports.ts'
import { type Lab, labOf } from '../topology/topology.ts'
import { teardown } from '../verbs/teardown.ts'

/**
 * Runs `measure` with a lab of its own on free ports, and removes that lab whatever happens.
 * With `ownImages` it also has its own images: they are built from nothing, and removed. `given` replaces settings.
 */
export async function benchLab<T>(
  ownImages: boolean,
  reporter: Reporter,
  measure: (lab: Lab) => Promise<T>,
  given: Partial<Settings> = {},
): Promise<T> {
  const manager = 'scripted' as const
  const settings = {
    ...readSettings(),
    manager,
    name: `bench-${process.pid}`,
    ...given,
    portOffset: await freePortOffset(),
  }
  const lab = labOf(ownImages ? { ...settings, images: 'failover-lab-bench' } : settings)
  try {
    return await measure(lab)
  } catch (error) {
    throw interruption.signal.aborted ? interruption.signal.reason : error
  } finally {
    // Ctrl-C ends the measurement. One more ends this removal.
    if (interruption.signal.aborted) beginAgain()
    await teardown(lab, { images: ownImages }, reporter)
  }
}
