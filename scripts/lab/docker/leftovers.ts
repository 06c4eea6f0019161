import { readFileSync } from 'node:fs'
import { exclusively } from '../state/lock.ts'
import type { Lab } from '../topology/topology.ts'
import { attempt } from './command.ts'
import type { Named } from './differences.ts'
import { assertHere } from './here.ts'
import { type Listed, listed } from './listed.ts'
import { labelled, NODE_LABEL, notYours, otherUserIn } from './ownership.ts'

/** Marks a container that helps a verb for a moment; its value is the process of the verb. */
const FOR_LABEL = 'failover-lab.for'

/** The arguments that give a helper the lab's label and the process that needs it. */
export const labelledHelper = (lab: Lab): readonly string[] => [
  ...labelled(lab),
  '--label',
  `${FOR_LABEL}=${process.pid}-${beganAt(process.pid)}`,
]

/** When a process began, in the kernel's ticks; undefined if there is none. It tells processes with the same number apart. */
function beganAt(pid: number): string | undefined {
  try {
    // The name, in brackets, may contain anything.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19]
  } catch {
    return undefined
  }
}

const isAlive = (holder: string): boolean => {
  const [pid, began] = holder.split('-')
  return began !== undefined && beganAt(Number(pid)) === began
}

/** The containers of the lab's nodes, also renamed ones. */
export const ownContainers = async (lab: Lab): Promise<readonly Named[]> =>
  (await listed(lab)).flatMap(({ Names, Labels }) => {
    const [name, node] = [Names[0]?.slice(1), Labels[NODE_LABEL]]
    return name === undefined || node === undefined ? [] : [{ name, node }]
  })

/** The user who set the lab up, if that is another user; else undefined. Any part that is left of the lab shows it. */
export const otherUserOf = async (lab: Lab): Promise<string | undefined> => userAmong(await listed(lab))

const userAmong = (there: readonly Listed[]): string | undefined =>
  there.map(({ Labels }) => otherUserIn(Labels)).find((user) => user !== undefined)

/** Refuses to change the lab of another user, who has its passwords and its lock. */
export const assertOwn = async (lab: Lab): Promise<void> => assertOurs(lab, await listed(lab))

function assertOurs(lab: Lab, there: readonly Listed[]): void {
  const user = userAmong(there)
  if (user !== undefined) throw notYours(lab, user)
}

/** Removes helpers that ended verbs left behind. `all`: also helpers that a running verb needs. */
export const clearLeftovers = async (lab: Lab, { all = false } = {}): Promise<void> => clear(await listed(lab), all)

async function clear(there: readonly Listed[], all: boolean): Promise<void> {
  const left = there.filter(
    ({ Labels }) => Labels[NODE_LABEL] === undefined && (all || !isAlive(Labels[FOR_LABEL] ?? '')),
  )
  if (left.length > 0) await attempt(['rm', '-f', ...left.map(({ Id }) => Id)])
}

/** Runs work that changes the lab, while no other command does. */
export const changing = <T>(lab: Lab, work: () => Promise<T>): Promise<T> =>
  moving(lab, async (there) => {
    await assertHere(lab, there)
    return work()
  })

/**
 * The same for work that may bring the lab to other ports. First it removes what earlier commands left. The work gets the
 * containers that the lab had before.
 */
export const moving = <T>(lab: Lab, work: (there: readonly Listed[]) => Promise<T>): Promise<T> =>
  exclusively(lab, async () => {
    const there = await listed(lab)
    assertOurs(lab, there)
    await clear(there, false)
    return work(there)
  })
