import { setTimeout as pause } from 'node:timers/promises'
import { attempt } from '../docker/command.ts'
import { type Machine, machine } from '../docker/machine.ts'
import { interruption } from '../interruption.ts'
import { directVotes } from '../postgres/direct-votes.ts'
import type { Reporter, Say } from '../steps.ts'
import type { DatabaseNode, Lab } from '../topology/topology.ts'
import { reset } from '../verbs/reset.ts'
import { setup } from '../verbs/setup.ts'
import { startWatcher } from '../verbs/watcher.ts'
import { commanded, type FailoverRun, lineOf, underVotes, watched } from './one-failover.ts'

export type FailoverFigures = {
  readonly at: string
  readonly machine: Machine
  readonly runs: number
  /** After a crash, from the command. */
  readonly failover: readonly FailoverRun[]
  /** From the command to kill the primary, and from the command to pause it. */
  readonly watchCrash: readonly FailoverRun[]
  readonly watchFreeze: readonly FailoverRun[]
  /** From the last vote that was acknowledged before the primary was cut off from all other nodes. */
  readonly watchIsolate: readonly FailoverRun[]
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
  const figures = {
    failover: [] as FailoverRun[],
    watchCrash: [] as FailoverRun[],
    watchFreeze: [] as FailoverRun[],
    watchIsolate: [] as FailoverRun[],
  }
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
      figures.watchIsolate.push(await underVotes(lab, (votes) => watched(lab, watcher, primary, 'isolate', votes)))
      say(`watch after a cut, ${run} of ${runs}: ${lineOf(figures.watchIsolate.at(-1))}`)
      await reset(lab, reporter)
    }
  } finally {
    await watcher.stop()
  }
  return { at: new Date().toISOString(), machine: await machine(), runs, ...figures, thawed }
}

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
