import { setTimeout as pause } from 'node:timers/promises'
import { type Machine, machine } from '../docker/machine.ts'
import { interruption } from '../interruption.ts'
import { needView } from '../managers/patroni/view.ts'
import type { Reporter, Say } from '../steps.ts'
import type { Lab } from '../topology/topology.ts'
import { firstPrimaryOf } from '../topology/topology.ts'
import { reset } from '../verbs/reset.ts'
import { setup } from '../verbs/setup.ts'
import { until } from '../wait.ts'
import { benchLab } from './lab.ts'
import { broken, underVotes } from './one-failover.ts'
import { type Alone, withPatroniAlone } from './patroni-alone.ts'

/** Seconds from the command that breaks the primary to the first write that another one acknowledged, in the order of the runs. */
export type PatroniSide = { readonly kill: readonly number[]; readonly freeze: readonly number[] }

export type PatroniFigures = {
  readonly at: string
  readonly machine: Machine
  readonly lab: PatroniSide
  readonly alone: PatroniSide
}

/** Seconds, before `patience`, for a lease, a race and a promotion. */
const MOST_SECONDS = 60

/** Breaks the primary of a lab with Patroni and of Patroni alone, in turn: if the machine slows down, that affects both. */
export const measurePatroni = (
  { kills, freezes }: { readonly kills: number; readonly freezes: number },
  say: Say,
  reporter: Reporter,
): Promise<PatroniFigures> =>
  benchLab(
    false,
    reporter,
    async (lab) => {
      await setup(lab, reporter)
      return withPatroniAlone(lab, async (alone) => {
        const sides = {
          lab: { kill: [] as number[], freeze: [] as number[] },
          alone: { kill: [] as number[], freeze: [] as number[] },
        }
        const faults = [...Array(kills).fill('kill'), ...Array(freezes).fill('freeze')] as readonly Fault[]
        for (const [nth, fault] of faults.entries()) {
          say(`${nth + 1} of ${faults.length}: ${fault}`)
          const both = [
            async () => sides.lab[fault].push(await inLab(lab, fault, reporter)),
            async () => sides.alone[fault].push(await outside(lab, alone, fault)),
          ]
          for (const measure of nth % 2 === 0 ? both : both.toReversed()) await measure()
        }
        return { at: new Date().toISOString(), machine: await machine(), ...sides }
      })
    },
    { manager: 'patroni' },
  )

type Fault = keyof PatroniSide

const COMMANDS = { kill: 'kill', freeze: 'pause' } as const

async function inLab(lab: Lab, fault: Fault, reporter: Reporter): Promise<number> {
  await reset(lab, reporter)
  const primary = firstPrimaryOf(lab)
  const { members } = await needView(lab)
  const timeline = members.find(({ name }) => name === primary.name)?.timeline
  if (timeline == null) throw new Error('a primary without a timeline')
  return underVotes(
    lab,
    async (votes) => {
      const issued = await broken(lab, primary.container, COMMANDS[fault])
      return secondsTo(lab, issued, () => votes.acknowledgedAfter(issued, timeline + 1))
    },
    timeline,
  )
}

async function outside(lab: Lab, alone: Alone, fault: Fault): Promise<number> {
  const primary = await alone.primary()
  const writes = alone.writes()
  try {
    // A random moment between two renewals of the lease.
    await pause(1000 + Math.random() * 1000, undefined, { signal: interruption.signal })
    const issued = await broken(lab, primary, COMMANDS[fault])
    return await secondsTo(lab, issued, () => writes.acknowledgedAfter(issued, primary))
  } finally {
    await writes.stop()
    await alone.renew(primary)
  }
}

async function secondsTo(lab: Lab, issued: number, served: () => number | undefined): Promise<number> {
  const { patience } = lab.settings
  const at = await until('a write to be acknowledged again', { seconds: MOST_SECONDS, patience }, async () => {
    const found = served()
    return found === undefined ? { seen: 'none' } : { done: found }
  })
  return (at - issued) / 1000
}
