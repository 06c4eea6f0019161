import { setTimeout as pause } from 'node:timers/promises'
import { attempt } from '../docker/command.ts'
import { type Machine, machine } from '../docker/machine.ts'
import { interruption } from '../interruption.ts'
import type { Failover } from '../managers/scripted/failover.ts'
import { directVotes } from '../postgres/direct-votes.ts'
import { pollingClient } from '../service/client.ts'
import type { Reporter, Say } from '../steps.ts'
import { type DatabaseNode, endpointOf, type Lab } from '../topology/topology.ts'
import { startVerb } from '../verbs/process.ts'
import { reset } from '../verbs/reset.ts'
import { setup } from '../verbs/setup.ts'
import { startWatcher, type Watcher } from '../verbs/watcher.ts'
import { until } from '../wait.ts'
import { type SteadyVotes, steadyVotes } from './steady-votes.ts'

/** One failover: seconds until a client's vote was acknowledged, and the parts of this time. */
export type FailoverRun = { readonly seconds: number; readonly parts: Readonly<Record<string, number>> }

export type FailoverFigures = {
  readonly at: string
  readonly machine: Machine
  readonly runs: number
  /** After a crash, from the command. */
  readonly failover: readonly FailoverRun[]
  /** From the command to kill the primary, and from the command to pause it. */
  readonly watchCrash: readonly FailoverRun[]
  readonly watchFreeze: readonly FailoverRun[]
  /**
   * Votes sent directly to the frozen primary, and how many it acknowledged: before it was fenced, since it wakes for a moment
   * when it is killed; and after the failover, when it was thawed and started again.
   */
  readonly thawed: { readonly attempts: number; readonly beforeFence: number; readonly acknowledged: number }
}

/** Times failovers, and resets the lab after each. */
export async function measureFailovers(lab: Lab, runs: number, say: Say, reporter: Reporter): Promise<FailoverFigures> {
  const [primary] = lab.databases
  if (primary === undefined) throw new Error('a lab without a database')
  await setup(lab, reporter)
  const figures = { failover: [] as FailoverRun[], watchCrash: [] as FailoverRun[], watchFreeze: [] as FailoverRun[] }
  for (let run = 1; run <= runs; run++) {
    figures.failover.push(await underVotes(lab, (votes) => commanded(lab, primary, votes)))
    say(`failover after crash, ${run} of ${runs}: ${lineOf(figures.failover.at(-1))}`)
    await reset(lab, reporter)
  }
  const thawed = { attempts: 0, beforeFence: 0, acknowledged: 0 }
  const watcher = startWatcher(lab, [])
  try {
    for (let run = 1; run <= runs; run++) {
      figures.watchCrash.push(await underVotes(lab, (votes) => watched(lab, watcher, primary, 'kill', votes)))
      say(`watch after crash, ${run} of ${runs}: ${lineOf(figures.watchCrash.at(-1))}`)
      await reset(lab, reporter)
      figures.watchFreeze.push(
        await underVotes(lab, async (votes, poll) => {
          const direct = await directVotes(lab, primary, poll)
          const it = await watched(lab, watcher, primary, 'pause', votes, direct.cast)
          const before = direct.acknowledged()
          await thaw(primary, direct.cast)
          thawed.attempts += direct.attempts()
          thawed.beforeFence += before
          thawed.acknowledged += direct.acknowledged() - before
          direct.end()
          return it
        }),
      )
      say(`watch after freeze, ${run} of ${runs}: ${lineOf(figures.watchFreeze.at(-1))}`)
      await reset(lab, reporter)
    }
  } finally {
    await watcher.stop()
  }
  return { at: new Date().toISOString(), machine: await machine(), runs, ...figures, thawed }
}

async function underVotes<T>(lab: Lab, measure: (votes: SteadyVotes, poll: string) => Promise<T>): Promise<T> {
  const address = endpointOf(lab, lab.loader) ?? ''
  const client = pollingClient(address, lab.settings.patience)
  const { uuid } = await client.createPoll('Who takes over?', ['a', 'b']).finally(client.close)
  const votes = steadyVotes(address, uuid, 'a')
  try {
    await acknowledged(lab, votes, Date.now(), 1)
    // A random moment, since the watch looks at intervals.
    await pause(500 + Math.random() * 500, undefined, { signal: interruption.signal })
    return await measure(votes, uuid)
  } finally {
    votes.stop()
  }
}

const acknowledged = (lab: Lab, votes: SteadyVotes, since: number, timeline: number): Promise<number> =>
  until('a vote to be acknowledged', { seconds: 30, patience: lab.settings.patience }, async () => {
    const at = votes.acknowledgedAfter(since, timeline)
    return at === undefined ? { seen: 'none' } : { done: at }
  })

async function commanded(lab: Lab, primary: DatabaseNode, votes: SteadyVotes): Promise<FailoverRun> {
  await broken(lab, primary, 'kill')
  const issued = Date.now()
  const { exit, stdout, stderr } = await startVerb(lab, 'failover', ['--json']).ended
  if (exit !== 0) throw new Error(stderr)
  const it: Failover = JSON.parse(stdout)
  const { marks } = it
  const served = await acknowledged(lab, votes, issued, it.timeline)
  const began = marks.checked - (it.parts['check'] ?? 0) * 1000
  return runOf({
    issued,
    start: began,
    check: marks.checked,
    fence: marks.fenced,
    promote: marks.promoted,
    serve: served,
  })
}

async function watched(
  lab: Lab,
  watcher: Watcher,
  primary: DatabaseNode,
  fault: 'kill' | 'pause',
  votes: SteadyVotes,
  inForce = () => {},
): Promise<FailoverRun> {
  await watcher.next('watching', (it) => it.primary === primary.name && it.standby !== null)
  const issued = await broken(lab, primary, fault)
  const since = Date.now()
  inForce()
  const { detected, marks, timeline } = await watcher.next('failed-over')
  const served = await acknowledged(lab, votes, since, timeline)
  return runOf({
    issued,
    detection: detected,
    check: marks.checked,
    fence: marks.fenced,
    promote: marks.promoted,
    serve: served,
  })
}

/** Makes the fault; gives the time of the command. Some kernels refuse to freeze at first, so it tries again. */
const broken = (lab: Lab, primary: DatabaseNode, fault: 'kill' | 'pause'): Promise<number> =>
  until(`docker ${fault} to succeed`, { seconds: 10, patience: lab.settings.patience }, async () => {
    const issued = Date.now()
    const done = await attempt([fault, primary.container])
    return done.exit === 0 ? { done: issued } : { seen: done.stderr }
  })

/** Does everything that could bring the frozen primary back, while votes are sent to it. */
async function thaw(primary: DatabaseNode, cast: () => void): Promise<void> {
  for (const command of ['unpause', 'start']) {
    await attempt([command, primary.container])
    for (let time = 0; time < 10; time++) {
      cast()
      await pause(50, undefined, { signal: interruption.signal })
    }
  }
}

/** Turns moments, in their order, into the seconds between them; `serve` is the last. */
function runOf({
  issued,
  ...ends
}: Record<'issued' | 'serve', number> & Readonly<Record<string, number>>): FailoverRun {
  let last = issued
  const parts = Object.entries(ends).map(([name, end]) => {
    // Votes may be served before the promotion is confirmed.
    const until = Math.min(end, ends.serve)
    const part = [name, (until - last) / 1000] as const
    last = until
    return part
  })
  return { seconds: (last - issued) / 1000, parts: Object.fromEntries(parts) }
}

function lineOf(run: FailoverRun | undefined): string {
  const parts = Object.entries(run?.parts ?? {}).map(([name, seconds]) => `${name} ${seconds.toFixed(2)}`)
  return `${run?.seconds.toFixed(2)} s: ${parts.join(', ')}`
}
