import { readFileSync } from 'node:fs'
import { exclusively } from '../state/lock.ts'
import type { Lab } from '../topology/topology.ts'
import { described } from './api.ts'
import { attempt } from './command.ts'
import type { Named } from './differences.ts'
import { LAB_LABEL, labelled, NODE_LABEL } from './ownership.ts'

/** Marks a container that helps a verb for a moment, with the process that it helps. */
const FOR_LABEL = 'failover-lab.for'

/** The arguments that give a helper the lab's label and say who needs it. */
export const labelledHelper = (lab: Lab): readonly string[] => [
  ...labelled(lab),
  '--label',
  `${FOR_LABEL}=${process.pid}-${beganAt(process.pid)}`,
]

/** When a process began, in the kernel's ticks: with it a number that is used again is told apart; undefined where there is no such process. */
function beganAt(pid: number): string | undefined {
  try {
    // The name, in brackets, may hold anything.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19]
  } catch {
    return undefined
  }
}

const isAlive = (holder: string): boolean => {
  const [pid, began] = holder.split('-')
  return began !== undefined && beganAt(Number(pid)) === began
}

type Listed = {
  readonly Id: string
  readonly Names: readonly string[]
  readonly Labels: Readonly<Record<string, string>>
}

async function listed(lab: Lab): Promise<readonly Listed[]> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`${LAB_LABEL}=${lab.name}`] }))
  return (await described<readonly Listed[]>(`/containers/json?all=1&filters=${filters}`)) ?? []
}

/** The containers of the lab's nodes, whatever they are called by now. */
export const membersOf = async (lab: Lab): Promise<readonly Named[]> =>
  (await listed(lab)).flatMap(({ Names, Labels }) => {
    const [name, node] = [Names[0]?.slice(1), Labels[NODE_LABEL]]
    return name === undefined || node === undefined ? [] : [{ name, node }]
  })

/** Removes helpers that verbs left when they were ended, and none that a running verb needs; `all`: also those. */
export async function clearLeftovers(lab: Lab, { all = false } = {}): Promise<void> {
  const left = (await listed(lab)).filter(
    ({ Labels }) => Labels[NODE_LABEL] === undefined && (all || !isAlive(Labels[FOR_LABEL] ?? '')),
  )
  if (left.length > 0) await attempt(['rm', '-f', ...left.map(({ Id }) => Id)])
}

/** Runs work that changes the lab while nothing else does, after clearing what earlier ones left. */
export const changing = <T>(lab: Lab, work: () => Promise<T>): Promise<T> =>
  exclusively(lab, async () => {
    await clearLeftovers(lab)
    return work()
  })
