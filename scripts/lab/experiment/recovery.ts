import { z } from 'zod'
import { labError } from '../errors.ts'
import { interruption } from '../interruption.ts'
import type { DatabaseName, Lab } from '../topology.ts'
import { until } from '../wait.ts'
import type { Event, Plan } from './record.ts'
import { type RunningVerb, startVerb } from './verb.ts'

/** What came of a recovery. Times are milliseconds since the epoch. */
export type Recovered = {
  readonly marks: readonly Pick<Event, 'at' | 'kind' | 'node' | 'what'>[]
  /** The node that was left behind, if one was. */
  readonly fenced: DatabaseName | null
  readonly walLost: number | null
  /** Why it did not succeed; null where it did. */
  readonly problem: string | null
}

/** A way to recover that stands ready before the fault. */
export type Recovery = {
  /** Called when the fault is in force; returns when the recovery is over. */
  readonly recover: () => Promise<Recovered>
  readonly stop: () => Promise<void>
}

/** WAL that may be lost where the standby was made to lag, bytes: to show that loss is what the run is for. */
const MAX_LAG_WHERE_WANTED = 2 ** 40
/** Seconds before patience. */
const WATCHING_SECONDS = 15
const RECOVERY_SECONDS = 30

/** Gets the recovery of a plan ready. */
export async function prepareRecovery(lab: Lab, plan: Plan): Promise<Recovery> {
  const options = ['--json', ...(plan.lag > 0 ? ['--max-lag', String(MAX_LAG_WHERE_WANTED)] : [])]
  if (plan.recovery === 'failover') return { recover: () => byCommand(lab, options), stop: async () => {} }
  if (plan.recovery === 'watch') return watching(lab, options)
  return { recover: async () => NOTHING_DONE, stop: async () => {} }
}

const NOTHING_DONE: Recovered = { marks: [], fenced: null, walLost: null, problem: null }

const Database = z.enum(['db-primary', 'db-replica'])
const Marks = z.object({
  started: z.number(),
  checked: z.number(),
  fenced: z.number(),
  promoted: z.number(),
  served: z.number(),
})
/** What `failover --json` answers, as far as it is of use here; times are milliseconds since the epoch. */
const Answer = z.object({
  promoted: Database,
  fenced: Database,
  lost: z.object({ bytes: z.number() }).nullable(),
  marks: Marks,
  /** When a watch was sure of the fault. */
  detected: z.number().optional(),
})

/** One line of `failover --watch --json`. */
const Line = z.looseObject({ event: z.string(), standby: Database.nullish(), why: z.string().nullish() })
type Line = z.infer<typeof Line>

/** The verb, given as soon as the fault is in force, as by somebody who was waiting for it. */
async function byCommand(lab: Lab, options: readonly string[]): Promise<Recovered> {
  const verb = startVerb('failover', options)
  const limit = setTimeout(verb.stop, RECOVERY_SECONDS * 1000 * lab.settings.patience)
  const { exit, stdout, stderr } = await verb.ended.finally(() => clearTimeout(limit))
  interruption.signal.throwIfAborted()
  if (exit !== 0) return { ...NOTHING_DONE, problem: `failover ended with exit code ${exit}: ${lastLines(stderr)}` }
  return recoveredBy(JSON.parse(stdout))
}

/** The verb that watches by itself, started before the fault. */
async function watching(lab: Lab, options: readonly string[]): Promise<Recovery> {
  const { patience } = lab.settings
  const lines: Line[] = []
  const verb = startVerb('failover', ['--watch', ...options], (line) => lines.push(Line.parse(JSON.parse(line))))
  let ended: Awaited<RunningVerb['ended']> | undefined
  verb.ended.then((end) => {
    ended = end
  })
  const waitFor = (event: string, seconds: number, fits: (line: Line) => boolean = () => true) =>
    until(`failover --watch to say ${event}`, { seconds, patience }, async () => {
      const line = lines.find((it) => it.event === event && fits(it))
      if (line !== undefined) return { done: line }
      if (ended !== undefined) throw labError('WATCH_ENDED', { exit: ended.exit, said: lastLines(ended.stderr) })
      const last = lines.at(-1)
      return { seen: last === undefined ? 'nothing' : `${last.event} ${last.why ?? ''}`.trim() }
    })
  const stop = async () => {
    verb.stop()
    await verb.ended
  }
  try {
    await waitFor('watching', WATCHING_SECONDS, ({ standby }) => standby != null)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    stop,
    recover: () =>
      waitFor('failed-over', RECOVERY_SECONDS).then(recoveredBy, (error: unknown) => {
        interruption.signal.throwIfAborted()
        return { ...NOTHING_DONE, problem: String(error instanceof Error ? error.message : error) }
      }),
  }
}

function recoveredBy(answer: unknown): Recovered {
  const { promoted, fenced, lost, detected, marks } = Answer.parse(answer)
  const found = detected === undefined ? 'failover was called' : 'failover --watch found it'
  return {
    marks: [
      { at: detected ?? marks.started, kind: 'detected', node: fenced, what: found },
      { at: marks.checked, kind: 'checked', node: promoted, what: `${promoted} can be promoted` },
      { at: marks.fenced, kind: 'fenced', node: fenced, what: `${fenced} is fenced` },
      { at: marks.promoted, kind: 'promoted', node: promoted, what: `${promoted} is the primary` },
      { at: marks.served, kind: 'serving', node: promoted, what: 'a write was acknowledged' },
    ],
    fenced,
    walLost: lost?.bytes ?? null,
    problem: null,
  }
}

const lastLines = (text: string): string => text.trim().split('\n').slice(-2).join(' ')
