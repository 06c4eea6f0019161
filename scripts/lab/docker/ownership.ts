import { type LabError, labError } from '../errors.ts'
import type { Lab } from '../topology/topology.ts'
import { userName } from '../user.ts'
import { anotherLab } from './another-lab.ts'
import { described } from './api.ts'

/** Label with the lab's name on everything that belongs to it. Nothing without it is ever touched. */
export const LAB_LABEL = 'failover-lab.lab'

/** Label with the node's name on its container. A container of a lab without it helps a verb for a moment. */
export const NODE_LABEL = 'failover-lab.node'

/** Label with a digest of everything that a container was made from. */
export const SPEC_LABEL = 'failover-lab.spec'

export type Labels = Readonly<Record<string, string>>

/** Names the user who made it: the lab's passwords and its lock are that user's, and nobody else's. */
const USER_LABEL = 'failover-lab.user'

/** The arguments that give a new thing the lab's label, and say whose it is. */
export const labelled = (lab: Lab): readonly string[] => [
  ...['--label', `${LAB_LABEL}=${lab.name}`],
  ...['--label', `${USER_LABEL}=${userName()}`],
]

/** The user who made a thing with these labels, if that is another user; undefined if it is this one, or unknown. */
export function otherUserIn(labels: Labels | null | undefined): string | undefined {
  const user = labels?.[USER_LABEL]
  return user === userName() ? undefined : user
}

/** The lab is another user's. */
export const notYours = (lab: Lab, user: string): LabError => labError('NOT_YOURS', { lab: lab.name, user })

const WHERE = { volume: 'volumes', network: 'networks' } as const

/** What the engine describes of a volume or a network. */
export type Thing = { readonly Id?: string; readonly Labels: Labels | null }

/** The lab's volume or network of that name; undefined if there is none. If it is not the lab's: a `NAME_TAKEN` error. */
export async function ownThing<T extends Thing>(
  lab: Lab,
  kind: keyof typeof WHERE,
  name: string,
): Promise<T | undefined> {
  const found = await described<T>(`/${WHERE[kind]}/${name}`)
  if (found !== undefined && found.Labels?.[LAB_LABEL] !== lab.name) throw await nameTaken(kind, name)
  const user = otherUserIn(found?.Labels)
  if (user !== undefined) throw notYours(lab, user)
  return found
}

/** Its labels. */
export const labelsOf = async (lab: Lab, kind: keyof typeof WHERE, name: string): Promise<Labels | undefined> =>
  (await ownThing(lab, kind, name))?.Labels ?? undefined

const FREED_BY = {
  // The time makes the name new: a container that was renamed before may still exist.
  container: (name: string) => `\`docker rename ${name} ${name}-of-another-$(date +%s)\``,
  // The engine does not remove a network that containers are on.
  network: (name: string) =>
    `\`docker network inspect -f '{{range .Containers}}{{println .Name}}{{end}}' ${name} | xargs -r -n 1 docker network disconnect -f ${name}\`, then \`docker network rm ${name}\``,
  volume: (name: string) => `\`docker volume rm ${name}\``,
} as const

/** Something of somebody else has a name of the lab. */
export const nameTaken = async (kind: keyof typeof FREED_BY, name: string): Promise<LabError> =>
  labError('NAME_TAKEN', { kind, name, command: FREED_BY[kind](name), ...(await anotherLab()) })
