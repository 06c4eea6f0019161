import { inject } from '../faults/inject.ts'
import { isolate } from '../faults/isolate.ts'
import { interruption } from '../interruption.ts'
import type { Reporter } from '../steps.ts'
import { firstPrimaryOf, type Lab, othersOf } from '../topology/topology.ts'
import { until } from '../wait.ts'
import type { Sampling } from './sampling.ts'

/** Seconds, before `patience`, that the load gets to write this much. If commits wait for the standby, it never does. */
const MOST_SECONDS = 5

/** Cuts every standby off until it lacks this many bytes of WAL, and leaves it cut off. Says how many it lacks. */
export async function makeLag(lab: Lab, bytes: number, sampling: Sampling, reporter: Reporter): Promise<string> {
  const primary = firstPrimaryOf(lab)
  const names = othersOf(lab, primary).map(({ name }) => name)
  for (const node of names) await inject(lab, { kind: isolate, node, peers: [primary.name], options: {} }, reporter)
  const standbys = names.join(' and ')
  await until(
    `${standbys} to lack ${bytes} bytes`,
    { seconds: MOST_SECONDS, patience: lab.settings.patience },
    async () => {
      const lag = sampling.lag() ?? 0
      return lag >= bytes ? { done: undefined } : { seen: `${lag} bytes` }
    },
  ).catch(() => interruption.signal.throwIfAborted())
  return `${standbys} lacks ${sampling.lag() ?? 'an unknown number of'} bytes`
}
