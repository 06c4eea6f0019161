import type { Lab } from '../topology/topology.ts'
import { described } from './api.ts'
import { LAB_LABEL, type Labels } from './ownership.ts'

/** A container, as the engine lists it. */
export type Listed = {
  readonly Id: string
  readonly Names: readonly string[]
  readonly Labels: Labels
  readonly Ports?: readonly { readonly IP?: string; readonly PublicPort?: number }[]
}

/** All containers that carry the lab's label. */
export const listed = async (lab: Lab): Promise<readonly Listed[]> =>
  (await described<readonly Listed[]>(`/containers/json?all=1&${ofLab(lab)}`)) ?? []

/** The names of all volumes that carry it. */
export async function volumesListed(lab: Lab): Promise<readonly string[]> {
  const found = await described<{ readonly Volumes: readonly { readonly Name: string }[] | null }>(
    `/volumes?${ofLab(lab)}`,
  )
  return (found?.Volumes ?? []).map(({ Name }) => Name)
}

const ofLab = (lab: Lab): string =>
  `filters=${encodeURIComponent(JSON.stringify({ label: [`${LAB_LABEL}=${lab.name}`] }))}`
