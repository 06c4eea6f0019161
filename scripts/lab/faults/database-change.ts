import { act, type Tell } from '../docker/docker.ts'
import type { Node } from '../topology/topology.ts'

/** Runs SQL as a database's superuser inside its container: that works whatever is wrong with the network. */
export const changeDatabase = (tell: Tell, node: Node, query: string): Promise<string> =>
  act(tell, ['exec', node.container, 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', 'polling', '-c', query])
