import { type LabError, labError } from '../errors.ts'
import { PORTS, readSettings, type Settings } from '../settings.ts'
import {
  allDatabasesOf,
  allStoresOf,
  type Lab,
  labOf,
  type Place,
  placeRemedy,
  placeText,
  type Shape,
} from '../topology/topology.ts'
import { type Listed, listed, volumesListed } from './listed.ts'
import { NODE_LABEL } from './ownership.ts'

/**
 * The lab that a command works on, made of what it is made of on the engine. If a LAB_STANDBYS or a LAB_MANAGER says otherwise,
 * that is a `RUNS_WITH` error. It costs one question to the engine.
 */
export async function labHere(): Promise<Lab> {
  const asked = labOf(readSettings())
  const shape = await shapeOf(asked)
  if (shape === undefined) return asked
  const lab = labOf({ ...asked.settings, ...shape })
  const wanted = labOf({ ...asked.settings, ...wantedOf(asked.settings, shape) })
  if (placeText(wanted.settings, lab.settings) !== '') throw runsWith(wanted, lab)
  return lab
}

/** The lab with as many standbys and the manager that its settings say; without a setting, with what it has on the engine. */
export async function withItsShape(lab: Lab): Promise<Lab> {
  const { standbysGiven, managerGiven } = lab.settings
  const shape = standbysGiven && managerGiven ? undefined : await shapeOf(lab)
  return shape === undefined ? lab : labOf({ ...lab.settings, ...wantedOf(lab.settings, shape) })
}

/** The shape that the settings ask for; where they say nothing, the one that is there. */
const wantedOf = ({ standbysGiven, standbys, managerGiven, manager }: Settings, there: Shape): Shape => ({
  standbys: standbysGiven ? standbys : there.standbys,
  manager: managerGiven ? manager : there.manager,
})

/**
 * What the lab is made of on the engine; undefined if it is not set up. A database is its data: a container that somebody
 * removed is made again, and until then a quorum has to count this standby.
 */
export async function shapeOf(lab: Lab): Promise<Shape | undefined> {
  const volumes = await volumesListed(lab)
  const isThere = ({ volume }: { readonly volume: string | undefined }) =>
    volume !== undefined && volumes.includes(volume)
  const last = allDatabasesOf(lab).findLastIndex(isThere)
  if (last < 0) return undefined
  return { standbys: Math.max(1, last), manager: allStoresOf(lab).some(isThere) ? 'patroni' : 'scripted' }
}

/**
 * The lab as it runs: its containers may be published elsewhere than its settings say, or it may have another number of standbys.
 * If not, it is `lab` itself. `there`: its containers, if they were listed before.
 */
export async function asItRuns(lab: Lab, there?: readonly Listed[]): Promise<Lab> {
  const [containers, shape = lab.settings] = await Promise.all([there ?? listed(lab), shapeOf(lab)])
  const { standbys, manager } = shape
  const places = containers.flatMap(({ Labels, Ports = [] }) =>
    Ports.flatMap(({ IP, PublicPort }) => {
      const usual = PORTS[Labels[NODE_LABEL] ?? '']
      return usual === undefined || IP === undefined || PublicPort === undefined
        ? []
        : [{ portOffset: PublicPort - usual, bind: IP }]
    }),
  )
  const other = [...places, lab.settings]
    .map((place): Place => ({ ...place, standbys, manager }))
    .find((place) => placeText(place, lab.settings) !== '')
  return other === undefined ? lab : labOf({ ...lab.settings, ...other })
}

/** Refuses to change a lab that runs with other settings: its nodes would be looked for where another lab may be. */
export async function assertHere(lab: Lab, there?: readonly Listed[]): Promise<void> {
  const running = await asItRuns(lab, there)
  if (placeText(running.settings, lab.settings) !== '') throw runsWith(lab, running)
}

function runsWith(asked: Lab, running: Lab): LabError {
  const here = placeText(asked.settings, running.settings)
  return labError('RUNS_WITH', {
    lab: asked.name,
    place: placeText(running.settings, asked.settings),
    here,
    remedy: placeRemedy(running.settings, asked.settings),
    change: `or ${here} zx scripts/setup.ts changes the lab to these settings`,
  })
}
