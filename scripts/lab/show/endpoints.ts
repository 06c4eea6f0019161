import { endpointOf, type Lab } from '../topology.ts'

/** Where the lab is reached from this machine, and what to try first. */
export function endpoints(lab: Lab): string {
  const [database] = lab.databases
  const port = database?.publishedPort
  const psql = `psql -h localhost${port === 5432 ? '' : ` -p ${port}`} -U owner polling`
  return [
    `  gRPC, balanced   ${endpointOf(lab, lab.loader)}`,
    ...lab.servers.map((server) => `  gRPC, ${server.name.padEnd(10)} ${endpointOf(lab, server)}`),
    `  PostgreSQL       ${psql}`,
    '',
    '  Try: npm run -s poll -- create "Tea or coffee?" Tea Coffee',
  ].join('\n')
}
