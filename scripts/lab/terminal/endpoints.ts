import { chalk } from 'zx/core'
import { endpointOf, type Lab } from '../topology/topology.ts'
import { visible } from '../visible.ts'

/** What goes in front of a verb, that it is about this lab and not the one without a name. */
const prefixOf = ({ settings: { name, portOffset } }: Lab): string =>
  (name === '' ? '' : `LAB_NAME=${name} `) + (portOffset === 0 ? '' : `LAB_PORT_OFFSET=${portOffset} `)

/** Where the lab is reached from this machine, and what to try first; and why psql will ask for a password, if it will. */
export function endpoints(lab: Lab, psqlAsks?: string): string {
  const [database] = lab.databases
  const port = database?.publishedPort
  const psql = `psql -h localhost${port === 5432 ? '' : ` -p ${port}`} -U owner polling`
  return [
    `  gRPC, balanced   ${endpointOf(lab, lab.loader)}`,
    ...lab.servers.map((server) => `  gRPC, ${server.name.padEnd(10)} ${endpointOf(lab, server)}`),
    `  PostgreSQL       ${psql}`,
    `  as superuser     docker exec -it ${database?.container} psql polling`,
    ...(psqlAsks === undefined ? [] : [`  ${chalk.yellow('!')} psql will ask for a password: ${visible(psqlAsks)}`]),
    '',
    `  Try: ${prefixOf(lab)}npm run -s poll -- create "Tea or coffee?" Tea Coffee`,
  ].join('\n')
}
