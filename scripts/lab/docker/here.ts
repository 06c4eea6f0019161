import { type LabError, labError } from '../errors.ts'
import { PORTS, readSettings } from '../settings.ts'
import { allDatabasesOf, type Lab, labOf, type Place, placeRemedy, placeText } from '../topology/topology.ts'
import { type Listed, listed, volumesListed } from './listed.ts'
import { NODE_LABEL } from './ownership.ts'

/**
 * The lab that a command works on, with as many standbys as it has on the engine. If a LAB_STANDBYS says another number, that is
 * a `RUNS_WITH` error. It costs one question to the engine.
 */
export async function labHere(): Promise<Lab> {
  const asked = labOf(readSettings())
  const standbys = await standbysOf(asked)
  if (standbys === undefined || standbys === asked.settings.standbys) return asked
  const lab = labOf({ ...asked.settings, standbys })
  if (asked.settings.standbysGiven) throw runsWith(asked, lab)
  return lab
}

/** The lab with as many standbys as a LAB_STANDBYS says; without one, with as many as it has on the engine. */
export async function withItsStandbys(lab: Lab): Promise<Lab> {
  const standbys = lab.settings.standbysGiven ? undefined : await standbysOf(lab)
  return standbys === undefined ? lab : labOf({ ...lab.settings, standbys })
}

/**
 * How many standbys the lab has on the engine; undefined if it is not set up. A database is its data: a container that somebody
 * removed is made again, and until then a quorum has to count this standby.
 */
async function standbysOf(lab: Lab): Promise<number | undefined> {
  const volumes = await volumesListed(lab)
  const last = allDatabasesOf(lab).findLastIndex(({ volume }) => volume !== undefined && volumes.includes(volume))
  return last < 0 ? undefined : Math.max(1, last)
}

/**
 * The lab as it runs: its containers may be published elsewhere than its settings say, or it may have another number of standbys.
 * If not, it is `lab` itself. `there`: its containers, if they were listed before.
 */
export async function asItRuns(lab: Lab, there?: readonly Listed[]): Promise<Lab> {
  const [containers, standbys = lab.settings.standbys] = await Promise.all([there ?? listed(lab), standbysOf(lab)])
  const places = containers.flatMap(({ Labels, Ports = [] }) =>
    Ports.flatMap(({ IP, PublicPort }) => {
      const usual = PORTS[Labels[NODE_LABEL] ?? '']
      return usual === undefined || IP === undefined || PublicPort === undefined
        ? []
        : [{ portOffset: PublicPort - usual, bind: IP }]
    }),
  )
  const other = [...places, lab.settings]
    .map((place): Place => ({ ...place, standbys }))
    .find((place) => placeText(place, lab.settings) !== '')
  return other === undefined ? lab : labOf({ ...lab.settings, ...other })
}

/** Refuses to change a lab that runs with other settings: its nodes would be looked for where another lab may be. */
export async function assertHere(lab: Lab, there?: readonly Listed[]): Promise<void> {
  const running = await asItRuns(lab, there)
  if (placeText(running.settings, lab.settings) !== '') throw runsWith(lab, running)
}

const runsWith = (asked: Lab, running: Lab): LabError =>
  labError('RUNS_WITH', {
    lab: asked.name,
    place: placeText(running.settings, asked.settings),
    here: placeText(asked.settings, running.settings),
    remedy: placeRemedy(running.settings, asked.settings),
  })
