import { typed } from '../docker/command.ts'
import { nodeNamed } from '../faults/inject.ts'
import { type DatabaseName, endpointOf, type Lab, type NodeName, type ServerName } from '../topology/topology.ts'

/** Commands as a learner would type them, with the names and ports of this lab. */
export type Commands = {
  /** `zx scripts/….ts`. */
  readonly verb: (name: string, ...args: readonly string[]) => string
  /** SQL in a database, as its superuser inside the container; it prints rows as lines. */
  readonly psql: (node: DatabaseName, ...statements: readonly string[]) => string
  /** A session of psql in a database, as its superuser inside the container. */
  readonly session: (node: DatabaseName) => string
  /** `docker start`, `kill`, `restart`, … of a node. */
  readonly docker: (what: string, node: NodeName) => string
  /** The container of the database that a restore puts beside the lab. */
  readonly restored: string
  /** host:port of a server or of the balancer. */
  readonly endpoint: (server: ServerName | 'loader') => string
}

/** The commands of one lab. */
export const commandsFor = (lab: Lab): Commands => ({
  verb: (name, ...args) => ['zx', `scripts/${name}.ts`, ...args.map(typed)].join(' '),
  psql: (node, ...statements) =>
    ['docker', 'exec', nodeNamed(lab, node).container, 'psql', '-XAt', '-d', 'polling']
      .concat(statements.flatMap((statement) => ['-c', statement]))
      .map(typed)
      .join(' '),
  session: (node) => `docker exec -it ${nodeNamed(lab, node).container} psql polling`,
  docker: (what, node) => `docker ${what} ${nodeNamed(lab, node).container}`,
  restored: lab.restored.container,
  endpoint: (server) => endpointOf(lab, nodeNamed(lab, server)) ?? '',
})
