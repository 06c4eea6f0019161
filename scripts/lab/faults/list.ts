import type { Lab } from '../topology/topology.ts'
import type { Fault } from './kind.ts'
import { faultsIn } from './kinds.ts'
import { assertThere, EVERYWHERE, look, unseen } from './look.ts'

/** The faults in force, and why some nodes could not be looked into. */
export type FaultList = { readonly lab: string; readonly faults: readonly Fault[]; readonly unseen: readonly string[] }

/** Every fault in force, read from the real system. */
export async function listFaults(lab: Lab): Promise<FaultList> {
  const views = await look(lab, lab.nodes, EVERYWHERE)
  assertThere(lab, views)
  return { lab: lab.name, faults: faultsIn(views), unseen: views.flatMap((view) => unseen(view, EVERYWHERE) ?? []) }
}
