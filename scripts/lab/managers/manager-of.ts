import { labError } from '../errors.ts'
import type { ManagerName } from '../settings.ts'
import type { Lab } from '../topology/topology.ts'
import type { Control, Manager } from './manager.ts'
import { patroni } from './patroni/manager.ts'
import { scripted } from './scripted/manager.ts'

/** The manager of a lab. */
export const managerOf = ({ settings }: Lab): Manager => ({ scripted, patroni })[settings.manager]

/** How the manager of a lab is looked at and told; a `NO_CONTROL` error if it does nothing by itself. */
export function controlOf(lab: Lab): Control {
  const { control } = managerOf(lab)
  if (control === undefined) throw labError('NO_CONTROL', { lab: lab.name, manager: lab.settings.manager })
  return control
}

/** Refuses what only the lab's own verbs can do. */
export const assertScripted = (lab: Lab, verb: string): void =>
  assertManager(lab, lab.settings.manager, 'scripted', verb)

/** Refuses what needs another manager than the one that the lab has. */
export function assertManager(lab: Lab, manager: ManagerName, needed: ManagerName, verb: string): void {
  if (manager !== needed) throw labError('NEEDS_MANAGER', { verb, needed, lab: lab.name, manager })
}
