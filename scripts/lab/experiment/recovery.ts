import { interruption } from '../interruption.ts'
import type { Failover } from '../managers/manager.ts'
import { controlOf } from '../managers/manager-of.ts'
import type { Reporter } from '../steps.ts'
import { type DatabaseName, firstPrimaryOf, type Lab } from '../topology/topology.ts'
import { untilArrives } from '../verbs/backup.ts'
import { lastWords, startVerb } from '../verbs/process.ts'
import type { Replaced } from '../verbs/replace.ts'
import { startWatcher } from '../verbs/watcher.ts'
import type { Event, Plan } from './record.ts'

/** The result of a recovery. Times are milliseconds since the epoch. */
export type Recovered = {
  readonly marks: readonly Pick<Event, 'at' | 'kind' | 'node' | 'what'>[]
  /** The nodes that were left behind. */
  readonly fenced: readonly DatabaseName[]
  readonly walLost: number | null
  /** Why it did not succeed; null if it did. */
  readonly problem: string | null
}

/** A way to recover, ready before the fault. */
export type Recovery = {
  /** Called before the fault, while clients vote. */
  readonly ready?: () => Promise<void>
  /** Called when the fault is in force; returns when the recovery is over. */
  readonly recover: () => Promise<Recovered>
  readonly stop: () => Promise<void>
}

/** Bytes of WAL that may be lost if the standby was made to lag: the run is meant to show this loss. */
const MAX_LAG_WHERE_WANTED = 2 ** 40
/** Seconds before patience. */
const RECOVERY_SECONDS = 30

/** Prepares the recovery of a plan. */
export async function prepareRecovery(lab: Lab, plan: Plan, { overheard: said }: Reporter): Promise<Recovery> {
  if (plan.manager === 'patroni' && plan.recovery !== 'none') return byItself(lab)
  const options = [
    ...(plan.lag > 0 ? ['--max-lag', String(MAX_LAG_WHERE_WANTED)] : []),
    ...(plan.recovery === 'salvage' || plan.recovery === 'watch-salvage' ? ['--salvage'] : []),
  ]
  if (plan.recovery === 'watch' || plan.recovery === 'watch-salvage') return watching(lab, options, said)
  if (plan.recovery === 'restore') return restoring(lab, said)
  if (plan.recovery !== 'none') return { recover: () => byCommand(lab, options, said), stop: async () => {} }
  return { recover: async () => NOTHING_DONE, stop: async () => {} }
}

type Said = Reporter['overheard']

const NOTHING_DONE: Recovered = { marks: [], fenced: [], walLost: null, problem: null }

/** The manager notices the fault and recovers without a command. */
function byItself(lab: Lab): Recovery {
  const old = firstPrimaryOf(lab).name
  return {
    recover: () =>
      controlOf(lab)
        .replaced(lab, old)
        .then(
          ({ promoted, leaseEnded, leaseWon, promotedAt }) => ({
            ...NOTHING_DONE,
            marks: [
              { at: leaseEnded, kind: 'detected' as const, node: old, what: `the lease of ${old} ended` },
              { at: leaseWon, kind: 'checked' as const, node: promoted, what: `${promoted} got the lease` },
              { at: promotedAt, kind: 'promoted' as const, node: promoted, what: `${promoted} is the primary` },
            ].flatMap(({ at, ...mark }) => (at === null ? [] : [{ at, ...mark }])),
          }),
          (error: unknown) => {
            interruption.signal.throwIfAborted()
            return { ...NOTHING_DONE, problem: String(error instanceof Error ? error.message : error) }
          },
        ),
    stop: async () => {},
  }
}

/** Runs failover as soon as the fault is in force, like an operator who was waiting for it. */
async function byCommand(lab: Lab, options: readonly string[], said: Said): Promise<Recovered> {
  const verb = startVerb(lab, 'failover', ['--json', ...options], { said })
  const limit = setTimeout(verb.stop, RECOVERY_SECONDS * 1000 * lab.settings.patience)
  const ended = await verb.ended.finally(() => clearTimeout(limit))
  interruption.signal.throwIfAborted()
  if (ended.exit !== 0)
    return { ...NOTHING_DONE, problem: `failover ended with exit code ${ended.exit}: ${lastWords(ended)}` }
  const it: Failover = JSON.parse(ended.stdout)
  return recoveredBy(it, it.marks.started, 'failover was called')
}

/** Seconds before patience: a restore takes as long as its data is large. */
const RESTORE_SECONDS = 120

/** Backs the lab up before the load. What is written later than `ready` is not in the archive when the fault comes. */
async function restoring(lab: Lab, said: Said): Promise<Recovery> {
  const backup = await startVerb(lab, 'backup', [], { said }).ended
  if (backup.exit !== 0) throw new Error(lastWords(backup))
  return {
    ready: () => untilArrives(() => {}, lab, firstPrimaryOf(lab)),
    recover: async () => {
      const began = performance.timeOrigin + performance.now()
      const verb = startVerb(lab, 'restore', ['--end', '--replace', '--force', '--json'], { said })
      const limit = setTimeout(verb.stop, RESTORE_SECONDS * 1000 * lab.settings.patience)
      const ended = await verb.ended.finally(() => clearTimeout(limit))
      interruption.signal.throwIfAborted()
      if (ended.exit !== 0)
        return { ...NOTHING_DONE, problem: `restore ended with exit code ${ended.exit}: ${lastWords(ended)}` }
      const { primary, timeline }: Replaced = JSON.parse(ended.stdout)
      const served = performance.timeOrigin + performance.now()
      return {
        ...NOTHING_DONE,
        marks: [
          { at: began, kind: 'detected', node: primary, what: 'restore was called' },
          { at: served, kind: 'serving', node: primary, what: `a write was acknowledged on timeline ${timeline}` },
        ],
      }
    },
    stop: async () => {},
  }
}

/** Starts failover --watch before the fault. */
async function watching(lab: Lab, options: readonly string[], said: Said): Promise<Recovery> {
  const watcher = startWatcher(lab, options, said)
  const stop = async () => void (await watcher.stop())
  try {
    await watcher.next('watching', ({ standby }) => standby !== null)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    stop,
    recover: () =>
      watcher.next('failed-over').then(
        (it) => recoveredBy(it, it.detected, 'failover --watch noticed it'),
        (error: unknown) => {
          interruption.signal.throwIfAborted()
          return { ...NOTHING_DONE, problem: String(error instanceof Error ? error.message : error) }
        },
      ),
  }
}

function recoveredBy({ promoted, fenced, lost, marks }: Failover, detected: number, how: string): Recovered {
  const [old = null] = fenced
  return {
    marks: [
      { at: detected, kind: 'detected', node: old, what: how },
      { at: marks.checked, kind: 'checked', node: promoted, what: `${promoted} can be promoted` },
      { at: marks.fenced, kind: 'fenced', node: old, what: `${fenced.join(' and ')} is fenced` },
      { at: marks.promoted, kind: 'promoted', node: promoted, what: `${promoted} is the primary` },
      { at: marks.served, kind: 'serving', node: promoted, what: 'a write was acknowledged' },
    ],
    fenced,
    walLost: lost?.bytes ?? null,
    problem: null,
  }
}
