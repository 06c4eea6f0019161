import { readFileSync } from 'node:fs'
import { labError } from '../errors.ts'
import { PORTS } from '../settings.ts'
import { exclusively } from '../state/lock.ts'
import { type Lab, labOf, type Place, placeText, surplusOf } from '../topology/topology.ts'
import { described } from './api.ts'
import { attempt } from './command.ts'
import type { Named } from './differences.ts'
import { LAB_LABEL, labelled, NODE_LABEL, notYours, otherUserIn } from './ownership.ts'

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

type Listed = {
  readonly Id: string
  readonly Names: readonly string[]
  readonly Labels: Readonly<Record<string, string>>
  readonly Ports?: readonly { readonly IP?: string; readonly PublicPort?: number }[]
}

async function listed(lab: Lab): Promise<readonly Listed[]> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`${LAB_LABEL}=${lab.name}`] }))
  return (await described<readonly Listed[]>(`/containers/json?all=1&filters=${filters}`)) ?? []
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

/**
 * The lab as it runs: its containers may be published elsewhere than its settings say, or it may have more standbys. If not,
 * it is `lab` itself.
 */
export async function asItRuns(lab: Lab): Promise<Lab> {
  const there = await listed(lab)
  const places = there.flatMap(({ Labels, Ports = [] }) =>
    Ports.flatMap(({ IP, PublicPort }) => {
      const usual = PORTS[Labels[NODE_LABEL] ?? '']
      return usual === undefined || IP === undefined || PublicPort === undefined
        ? []
        : [{ portOffset: PublicPort - usual, bind: IP }]
    }),
  )
  const last = surplusOf(lab).findLastIndex(({ name }) => there.some(({ Labels }) => Labels[NODE_LABEL] === name))
  const standbys = lab.settings.standbys + last + 1
  const other = [...places, lab.settings]
    .map((place): Place => ({ ...place, standbys }))
    .find((place) => placeText(place, lab.settings) !== '')
  return other === undefined ? lab : labOf({ ...lab.settings, ...other })
}

/** Refuses to change a lab that runs with other settings: its nodes would be looked for where another lab may be. */
export async function assertHere(lab: Lab): Promise<void> {
  const { settings } = await asItRuns(lab)
  const place = placeText(settings, lab.settings)
  if (place === '') return
  throw labError('RUNS_WITH', { lab: lab.name, place, here: placeText(lab.settings, settings) })
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
  moving(lab, async () => {
    await assertHere(lab)
    return work()
  })

/** The same for work that may bring the lab to other ports. First it removes what earlier commands left. */
export const moving = <T>(lab: Lab, work: () => Promise<T>): Promise<T> =>
  exclusively(lab, async () => {
    const there = await listed(lab)
    assertOurs(lab, there)
    await clear(there, false)
    return work()
  })
