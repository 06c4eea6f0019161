import { labError } from '../errors.ts'
import type { Lab } from '../topology.ts'
import { described } from './api.ts'

/** Marks what belongs to a lab, with the lab's name; nothing without it is ever touched. */
export const LAB_LABEL = 'failover-lab.lab'

export type Labels = Readonly<Record<string, string>>

const WHERE = { volume: 'volumes', network: 'networks' } as const

/** Labels of the lab's thing of that name, undefined where there is none; somebody else's is a `NAME_TAKEN` error. */
export async function labelsOf(lab: Lab, kind: keyof typeof WHERE, name: string): Promise<Labels | undefined> {
  const found = await described<{ readonly Labels: Labels | null }>(`/${WHERE[kind]}/${name}`)
  if (found === undefined) return undefined
  const labels = found.Labels
  if (labels?.[LAB_LABEL] !== lab.name) throw labError('NAME_TAKEN', { kind, name })
  return labels
}
