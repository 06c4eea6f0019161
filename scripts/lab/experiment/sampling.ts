import { setTimeout as pause } from 'node:timers/promises'
import { bytesOf } from '../lsn.ts'
import type { Position } from '../postgres/observe.ts'
import { openObserver } from '../postgres/observer.ts'
import type { Clock } from '../service/load/history.ts'
import type { Lab } from '../topology/topology.ts'
import type { Sample } from './record.ts'

/** Looks at the databases again and again. */
export type Sampling = {
  /** Bytes of WAL that the standby lacks, as last seen. */
  readonly lag: () => number | undefined
  /** Stops looking, and gives what was seen. */
  readonly stop: () => Promise<readonly Sample[]>
}

const EVERY_MS = 250
/** Seconds, before `patience`, that a database has for an answer. */
const ANSWER_SECONDS = 0.2

/** Starts looking, over one session for each database that stays open. */
export function startSampling(lab: Lab, clock: Clock): Sampling {
  const observer = openObserver(lab)
  const samples: Sample[] = []
  const ending = new AbortController()
  const look = async () => {
    const at = clock.now()
    const databases = lab.databases.map(async (node) => ({
      name: node.name,
      ...seen(await observer.position(node, ANSWER_SECONDS)),
    }))
    samples.push({ at, databases: await Promise.all(databases) })
  }
  const ended = (async () => {
    while (!ending.signal.aborted)
      await Promise.all([look(), pause(EVERY_MS, undefined, { signal: ending.signal }).catch(() => {})])
  })()
  // An error is thrown by `stop`.
  ended.catch(() => {})
  return {
    lag: () => lagOf(samples.at(-1)),
    async stop() {
      ending.abort()
      await ended
      observer.end()
      return samples
    },
  }
}

const seen = (it: Position | { readonly unreachable: string }) =>
  'unreachable' in it
    ? { role: null, timeline: null, lsn: null, receivedLsn: null }
    : {
        role: it.inRecovery ? ('standby' as const) : ('primary' as const),
        timeline: it.timeline,
        lsn: it.lsn,
        receivedLsn: it.receivedLsn,
      }

function lagOf(sample: Sample | undefined): number | undefined {
  const written = sample?.databases.find(({ role }) => role === 'primary')?.lsn
  const received = sample?.databases.find(({ role }) => role === 'standby')?.receivedLsn
  return written == null || received == null ? undefined : Number(bytesOf(written) - bytesOf(received))
}
