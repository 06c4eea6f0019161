import { test } from 'tap'
import { healthOf } from '../../scripts/lab/access/health.ts'
import { until } from '../../scripts/lab/wait.ts'
import { client, ok } from '../grpc.ts'
import { addressOf, containerOf, docker, patience, sql } from '../the-lab.ts'

const DROP_ALL = `do $$ declare it regclass; begin
  for it in select oid::regclass from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
  loop execute 'drop table ' || it || ' cascade'; end loop;
end $$`

const servers = ['primary', 'backup'] as const

/** The line of each migration that either server ever applied, oldest first. */
async function appliedSoFar(): Promise<readonly string[]> {
  const logs = await Promise.all(servers.map((name) => docker('logs', containerOf(name))))
  const lines = logs.join('\n').split('\n')
  return lines.filter((line) => line.includes('"migration applied"')).sort((a, b) => timeOf(a).localeCompare(timeOf(b)))
}
const timeOf = (line: string): string => JSON.parse(line).time

test('both servers starting on an empty database migrate it once, and both serve', async (t) => {
  t.teardown(() => docker('start', ...servers.map(containerOf)))
  const once = await sql('db-primary', 'select version, name from schema_migration order by version')
  for (let round = 1; round <= 3; round++) {
    await docker('kill', ...servers.map(containerOf))
    await sql('db-primary', DROP_ALL)
    const before = (await appliedSoFar()).length
    await docker('start', ...servers.map(containerOf))
    for (const name of servers) {
      await until(`${name} to serve`, { seconds: 30, patience }, async () => {
        const seen = await healthOf(addressOf(name), 2 * patience)
        return seen === 'SERVING' ? { done: undefined } : { seen }
      })
    }
    t.equal(
      await sql('db-primary', 'select version, name from schema_migration order by version'),
      once,
      `round ${round}`,
    )
    const applied = (await appliedSoFar()).slice(before)
    t.equal(applied.length, once.split('\n').length, `each applied by one of them: ${applied.join('\n')}`)
    const it = client(addressOf('backup'))
    const { uuid } = await ok(it.createPoll({ poll_questions: 'Migrated?', options: ['yes', 'no'] }))
    t.match(await it.castVote({ uuid, userID: 'ann', select_options: 'yes' }), { ok: { status: 'Vote Successfully!' } })
    it.close()
  }
})
