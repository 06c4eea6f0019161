import { chalk } from 'zx/core'
import { endpointOf, type Lab } from '../topology.ts'
import { visible } from '../visible.ts'

/** Where the lab is reached from this machine, and what to try first; and why psql will ask for a password, if it will. */
export function endpoints(lab: Lab, psqlAsks?: string): string {
  const [database] = lab.databases
  const port = database?.publishedPort
  const psql = `psql -h localhost${port === 5432 ? '' : ` -p ${port}`} -U owner polling`
  return [
    `  gRPC, balanced   ${endpointOf(lab, lab.loader)}`,
    ...lab.servers.map((server) => `  gRPC, ${server.name.padEnd(10)} ${endpointOf(lab, server)}`),
    `  PostgreSQL       ${psql}`,
    ...(psqlAsks === undefined ? [] : [`  ${chalk.yellow('!')} psql will ask for a password: ${visible(psqlAsks)}`]),
    '',
    '  Try: npm run -s poll -- create "Tea or coffee?" Tea Coffee',
  ].join('\n')
}
