import { setTimeout as pause } from 'node:timers/promises'
import { type Machine, machine } from '../docker/machine.ts'
import { interruption } from '../interruption.ts'
import type { Reporter, Say } from '../steps.ts'
import { setup } from '../verbs/setup.ts'
import { benchLab } from './lab.ts'
import { busyDuring, type ProcessorTime, whereTimeGoes } from './processor-time.ts'

/** What a lab costs that has nothing to do: milliseconds of processor time in a second. */
export type IdleFigures = {
  readonly at: string
  readonly machine: Machine
  readonly seconds: number
  /** Of each node, with the programs that its health checks start inside. */
  readonly nodes: ProcessorTime
  /** Of all programs, while the lab ran and before it was there: the engine starts the health checks. */
  readonly all: number
  readonly without: number
}

/** Looks at the machine for so many seconds without a lab, then at the same machine with a lab that nobody uses. */
export async function measureIdle(seconds: number, say: Say, reporter: Reporter): Promise<IdleFigures> {
  const wait = () => pause(seconds * 1000, undefined, { signal: interruption.signal })
  const { processors } = await machine()
  const perSecond = (busy: number) => busy * processors * 1000
  say(`${seconds} s without a lab`)
  const { busy: without } = await busyDuring(wait)
  return benchLab(false, reporter, async (lab) => {
    await setup(lab, reporter)
    say(`${seconds} s with a lab that nobody uses`)
    const { usage } = await whereTimeGoes(lab, wait)
    const { clients: _, ...nodes } = usage.seconds
    return {
      at: new Date().toISOString(),
      machine: await machine(),
      seconds,
      nodes: Object.fromEntries(Object.entries(nodes).map(([name, spent]) => [name, (spent / seconds) * 1000])),
      all: perSecond(usage.busy),
      without: perSecond(without),
    }
  })
}
