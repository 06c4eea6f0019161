import type { Node } from '../topology/topology.ts'
import { engine } from './api.ts'

type Stats = {
  readonly memory_stats: { readonly usage?: number; readonly stats?: Readonly<Record<string, number>> }
}

/** Bytes of memory that a node uses, without what the kernel can drop at once; null if it does not run. */
export async function memoryOf({ container }: Node): Promise<number | null> {
  const answer = await engine('GET', `/containers/${container}/stats?stream=false&one-shot=true`)
  if (answer.status !== 200) return null
  const { memory_stats: seen }: Stats = JSON.parse(answer.body.toString())
  // The first name is that of cgroup v1, the second that of v2.
  const droppable = seen.stats?.['total_inactive_file'] ?? seen.stats?.['inactive_file'] ?? 0
  return seen.usage === undefined ? null : seen.usage - droppable
}
