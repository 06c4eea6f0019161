import { act } from '../docker/command.ts'
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
 * its own, and no other lab runs at the same time.
 */
export async function measureStandbys(runs: number, say: Say, reporter: Reporter): Promise<StandbysFigures> {
  // Builds missing images; this is not timed.
  await benchLab(false, reporter, (lab) => setup(lab, reporter))
  const [one, three] = [emptyFor(1), emptyFor(3)]
  const inTurn = Array.from({ length: runs }, (_, run) => (run % 2 === 0 ? [one, three] : [three, one])).flat()
  await firstSetups(inTurn, say, reporter)
  for (const [nth, side] of inTurn.entries()) {
    say(`run ${Math.floor(nth / 2) + 1} of ${runs}, standbys: ${side.standbys}`)
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

type Side = ReturnType<typeof emptyFor>

/**
 * Times setups that are the first ones of their labs. Their data are deleted at the end only: ext4 gives out the place of a
 * deleted file only minutes later, and until then it searches for another one for each new file.
 */
async function firstSetups([side, ...others]: readonly Side[], say: Say, reporter: Reporter): Promise<void> {
  if (side === undefined) return
  const settings = { standbys: side.standbys, name: `bench-${process.pid}-${others.length}` }
  await benchLab(
    false,
    reporter,
    async (lab) => {
      say(`first setup, standbys: ${side.standbys}`)
      side.setup.push(await secondsOf(() => setup(lab, reporter)))
      await act(() => {}, ['rm', '-f', ...lab.nodes.map(({ container }) => container)])
      await firstSetups(others, say, reporter)
    },
    settings,
  )
}

async function measureOnce(lab: Lab, side: Side, reporter: Reporter): Promise<void> {
  const [primary] = lab.databases
  if (primary === undefined) throw new Error('a lab without a database')
  await setup(lab, reporter)
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
