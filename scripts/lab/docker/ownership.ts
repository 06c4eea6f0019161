import { type LabError, labError } from '../errors.ts'
import type { Lab } from '../topology/topology.ts'
import { described } from './api.ts'

/** Marks what belongs to a lab, with the lab's name; nothing without it is ever touched. */
export const LAB_LABEL = 'failover-lab.lab'

/** Marks the container of a node, with the node's name; any other container of a lab helps a verb for a moment. */
export const NODE_LABEL = 'failover-lab.node'

export type Labels = Readonly<Record<string, string>>

/** The arguments that give a new thing the lab's label. */
export const labelled = (lab: Lab): readonly string[] => ['--label', `${LAB_LABEL}=${lab.name}`]

const WHERE = { volume: 'volumes', network: 'networks' } as const

/** What the engine describes of a volume or a network. */
export type Thing = { readonly Id?: string; readonly Labels: Labels | null }

/** The lab's thing of that name, undefined where there is none; somebody else's is a `NAME_TAKEN` error. */
export async function ownThing<T extends Thing>(
  lab: Lab,
  kind: keyof typeof WHERE,
  name: string,
): Promise<T | undefined> {
  const found = await described<T>(`/${WHERE[kind]}/${name}`)
  if (found !== undefined && found.Labels?.[LAB_LABEL] !== lab.name) throw nameTaken(kind, name)
  return found
}

/** Its labels. */
export const labelsOf = async (lab: Lab, kind: keyof typeof WHERE, name: string): Promise<Labels | undefined> =>
  (await ownThing(lab, kind, name))?.Labels ?? undefined

const FREED_BY = {
  // By the time: a name that was freed so before may still be there.
  container: (name: string) => `\`docker rename ${name} ${name}-of-another-$(date +%s)\``,
  // The engine removes none that somebody is on.
  network: (name: string) =>
    `take off it whoever \`docker network inspect ${name}\` shows (docker network disconnect -f), then \`docker network rm ${name}\``,
  volume: (name: string) => `\`docker volume rm ${name}\``,
} as const

/** Something of somebody else has a name of the lab. */
export const nameTaken = (kind: keyof typeof FREED_BY, name: string): LabError =>
  labError('NAME_TAKEN', { kind, name, command: FREED_BY[kind](name) })
