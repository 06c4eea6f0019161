import { type Machine, machine } from '../docker/machine.ts'
import type { Reporter, Say } from '../steps.ts'
import type { Lab } from '../topology/topology.ts'
import { reset } from '../verbs/reset.ts'
import { setup } from '../verbs/setup.ts'
import { startWatcher } from '../verbs/watcher.ts'
import { benchLab } from './lab.ts'
import { commanded, type FailoverRun, underVotes, watched } from './one-failover.ts'
import { secondsOf } from './startup.ts'

/** What labs with so many standbys took: seconds, in the order of the runs. */
export type WithStandbys = {
  readonly standbys: number
  /** From images only to all nodes healthy. */
  readonly setup: readonly number[]
  readonly reset: readonly number[]
  /** After a crash, from the command. */
  readonly failover: readonly FailoverRun[]
  /** From the command to kill the primary, and from the command to pause it. */
  readonly watchCrash: readonly FailoverRun[]
  readonly watchFreeze: readonly FailoverRun[]
}

export type StandbysFigures = {
  readonly at: string
  readonly machine: Machine
  readonly runs: number
  readonly one: WithStandbys
  readonly three: WithStandbys
}

/**
 * Times the same with one and with three standbys, in turn: if the machine slows down, that affects both. Each run has a lab of
 * its own, and no other lab is there at the same time.
 */
export async function measureStandbys(runs: number, say: Say, reporter: Reporter): Promise<StandbysFigures> {
  // Builds missing images; this is not timed.
  await benchLab(false, reporter, (lab) => setup(lab, reporter))
  const [one, three] = [emptyFor(1), emptyFor(3)]
  for (let run = 1; run <= runs; run++)
    for (const side of run % 2 === 1 ? [one, three] : [three, one]) {
      say(`run ${run} of ${runs}, standbys: ${side.standbys}`)
      await benchLab(false, reporter, (lab) => measureOnce(lab, side, reporter), { standbys: side.standbys })
    }
  return { at: new Date().toISOString(), machine: await machine(), runs, one, three }
}

const emptyFor = (standbys: number) => ({
  standbys,
  setup: [] as number[],
  reset: [] as number[],
  failover: [] as FailoverRun[],
  watchCrash: [] as FailoverRun[],
  watchFreeze: [] as FailoverRun[],
})

async function measureOnce(lab: Lab, side: ReturnType<typeof emptyFor>, reporter: Reporter): Promise<void> {
  const [primary] = lab.databases
  if (primary === undefined) throw new Error('a lab without a database')
  side.setup.push(await secondsOf(() => setup(lab, reporter)))
  side.reset.push(await secondsOf(() => reset(lab, reporter)))
  side.failover.push(await underVotes(lab, (votes) => commanded(lab, primary, votes)))
  await reset(lab, reporter)
  const watcher = startWatcher(lab, [])
  try {
    side.watchCrash.push(await underVotes(lab, (votes) => watched(lab, watcher, primary, 'kill', votes)))
    await reset(lab, reporter)
    side.watchFreeze.push(await underVotes(lab, (votes) => watched(lab, watcher, primary, 'pause', votes)))
  } finally {
    await watcher.stop()
  }
}
