import type { Lab } from '../topology/topology.ts'
import type { Manager } from './manager.ts'
import { scripted } from './scripted/manager.ts'

/** The manager of a lab. */
export const managerOf = (_: Lab): Manager => scripted
