import { test } from 'tap'
import { PORTS } from '../../scripts/lab/settings.ts'
import { endpointOf } from '../../scripts/lab/topology/topology.ts'
import { failureOf, lab, verb } from '../the-lab.ts'

// The suite's lab has a name and ports of its own: whatever else is named belongs to somebody else.
const containers = lab.nodes.map(({ container }) => container)
const ports = lab.nodes.flatMap(({ publishedPort }) => publishedPort ?? [])
const name = lab.settings.name

/** Containers and ports in a text that are not this lab's. */
function foreign(text: string): readonly string[] {
  const inCommands = [...text.matchAll(/docker (?:exec|logs|start|stop|kill) (?:-\S+ )*(\S+)/g)].map(([, word]) => word)
  const named = inCommands.filter((word) => word !== undefined && !containers.includes(word))
  const numbers = [...text.matchAll(/(?::|port |-p )(\d{4,5})\b/g)].map(([, port]) => Number(port))
  const usual = numbers.filter((port) => Object.values(PORTS).includes(port) && !ports.includes(port))
  return [...named.map(String), ...usual.map(String)]
}

test('for a lab with a name, setup and status show commands for that lab', async (t) => {
  const said = await verb('setup')
  t.equal(said.exit, 0, failureOf(said))
  t.strictSame(foreign(said.stdout + said.stderr), [], said.stdout)
  const replica = lab.databases[0]
  t.match(said.stdout, `docker exec -it ${replica?.container} psql polling`)
  t.match(said.stdout, `psql -h localhost -p ${replica?.publishedPort} -U owner polling`)
  t.match(said.stdout, `LAB_NAME=${name} LAB_PORT_OFFSET=${lab.settings.portOffset} npm run -s poll`)
  const status = await verb('status')
  t.strictSame(foreign(status.stdout), [], status.stdout)
  for (const container of containers) t.match(status.stdout, container)
})

test('help names the ports of the lab that it is about', async (t) => {
  for (const it of ['setup', 'status', 'poll', 'fault', 'failover', 'rejoin', 'exercise', 'experiment', 'bench']) {
    const help = await verb(it, ['--help'])
    t.strictSame(foreign(help.stdout), [], it)
  }
  t.match((await verb('poll', ['--help'])).stdout.replace(/\s+/g, ' '), `balancer at ${endpointOf(lab, lab.loader)}`)
})

test('a brief and what it gives name the containers and ports of this lab', async (t) => {
  t.teardown(() => verb('exercise', ['reset', '--progress', '--discard']))
  const brief = await verb('exercise', ['start', '4', '--discard'])
  t.equal(brief.exit, 0, failureOf(brief))
  t.strictSame(foreign(brief.stdout), [], brief.stdout)
})

test('status shows a lab where it runs, also with other settings, and no other verb looks for it elsewhere', async (t) => {
  const forgotten = { LAB_PORT_OFFSET: String(lab.settings.portOffset + 1) }
  const status = await verb('status', [], forgotten)
  t.equal(status.exit, 0, failureOf(status))
  for (const port of ports) t.match(status.stdout, `:${port}`)
  t.match(status.stdout, `! this lab runs with LAB_PORT_OFFSET=${lab.settings.portOffset}, not with these settings`)
  for (const [name, ...args] of [['failover'], ['switchover'], ['rejoin'], ['reset'], ['failover', '--watch']] as const)
    t.match(
      await verb(name, args, forgotten),
      { exit: 1, stderr: new RegExp(`RUNS_WITH: .*\n.*put LAB_PORT_OFFSET=${lab.settings.portOffset} in front`) },
      name,
    )
  t.match(await verb('replication', [], { LAB_STANDBYS: '3' }), {
    exit: 1,
    stderr: /RUNS_WITH: .* runs with LAB_STANDBYS=1, but these settings say LAB_STANDBYS=3\n.*leave LAB_STANDBYS out/,
  })
  t.notMatch((await verb('status')).stdout, 'this lab runs with')
})
