import { chalk } from 'zx/core'
import { endpointOf, type Lab, type NodeName, psqlPlaceOf } from '../topology/topology.ts'
import { visible } from '../visible.ts'

/** Variables to type in front of a verb, so that it works on this lab and not on the one without a name. */
const prefixOf = ({ settings: { name, portOffset, bind } }: Lab): string =>
  (name === '' ? '' : `LAB_NAME=${name} `) +
  (portOffset === 0 ? '' : `LAB_PORT_OFFSET=${portOffset} `) +
  (['127.0.0.1', '0.0.0.0'].includes(bind) ? '' : `LAB_BIND=${bind} `)

/**
 * How the lab is reached from this machine, what to try first, and why psql will ask for a password, if it will. Only one
 * database is published, and after a failover another one is the primary.
 */
export function endpoints(lab: Lab, primary: NodeName | undefined, psqlAsks?: string): string {
  const {
    node,
    hosts: [host],
    port,
  } = psqlPlaceOf(lab)
  const database = lab.databases.find(({ name }) => name === primary) ?? node
  const reads = database === node ? '' : `  (${node.name}, now a standby: it only answers reads)`
  const psql = `psql -h ${host}${port === 5432 ? '' : ` -p ${port}`} -U owner polling${reads}`
  return [
    `  gRPC, balanced   ${endpointOf(lab, lab.loader)}`,
    ...lab.servers.map((server) => `  gRPC, ${server.name.padEnd(10)} ${endpointOf(lab, server)}`),
    `  PostgreSQL       ${psql}`,
    `  as superuser     docker exec -it ${database.container} psql polling`,
    ...(psqlAsks === undefined ? [] : [`  ${chalk.yellow('!')} psql will ask for a password: ${visible(psqlAsks)}`]),
    '',
    `  Try: ${prefixOf(lab)}npm run -s poll -- create "Tea or coffee?" Tea Coffee`,
  ].join('\n')
}
