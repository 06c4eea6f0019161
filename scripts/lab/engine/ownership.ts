import { labError } from '../errors.ts'
import type { Lab } from '../topology.ts'
import { attempt, failure } from './docker.ts'

/** Marks what belongs to a lab, with the lab's name; nothing without it is ever touched. */
export const LAB_LABEL = 'failover-lab.lab'

export type Labels = Readonly<Record<string, string>>

const WHERE = { volume: '.Labels', network: '.Labels', container: '.Config.Labels' } as const

/** Labels of the lab's thing of that name, undefined where there is none; somebody else's is a `NAME_TAKEN` error. */
export async function labelsOf(lab: Lab, kind: keyof typeof WHERE, name: string): Promise<Labels | undefined> {
  const command = [kind, 'inspect', '-f', `{{json ${WHERE[kind]}}}`, name]
  const found = await attempt(command)
  if (found.exit !== 0) {
    if (/no such|not found/i.test(found.stderr)) return undefined
    throw failure(command, found)
  }
  const labels: Labels | null = JSON.parse(found.stdout)
  if (labels?.[LAB_LABEL] !== lab.name) throw labError('NAME_TAKEN', { kind, name })
  return labels
}
