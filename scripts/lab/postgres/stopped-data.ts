import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { attempt, look, typed } from '../docker/command.ts'
import { confinement } from '../docker/confinement.ts'
import { labelledHelper } from '../docker/leftovers.ts'
import { asksOurEngine } from '../docker/where.ts'
import { LabError, labError } from '../errors.ts'
import type { Tell } from '../steps.ts'
import type { DatabaseNode, Lab } from '../topology/topology.ts'
import { until } from '../wait.ts'
import { PSQL } from './sql.ts'

// Alone, and what it has to replay is its own history: a standby may have heard of a newer one that it does not fit.
const SETTINGS = [
  "listen_addresses=''",
  'autovacuum=off',
  'hot_standby=on',
  "primary_conninfo=''",
  "synchronous_standby_names=''",
  'recovery_target_timeline=current',
]
  .map((setting) => `-c ${setting}`)
  .join(' ')

// Lives as long as somebody holds its standard input: it cannot outlast the command that needed it.
const PROGRAM = `
pg_ctl start -s -w -t 120 -l /tmp/log -o "${SETTINGS}" || { cat /tmp/log >&2; exit 1; }
cat >/dev/null
pg_ctl stop -s -m fast`

// A standby answers before it has replayed all it has; then it waits for more, that never comes.
const HAS_REPLAYED = `
select not pg_is_in_recovery() or exists (select from pg_stat_activity
  where backend_type = 'startup' and wait_event = 'RecoveryRetrieveRetryInterval')`

/**
 * Opens the data of a stopped database without a network, so that it can be read and nobody can write to it, and closes
 * it in order when `use` is done. What `use` is given runs SQL there and gives rows as lines.
 */
export async function withStoppedData<T>(
  tell: Tell,
  lab: Lab,
  node: DatabaseNode,
  use: (ask: (query: string) => Promise<string>) => Promise<T>,
): Promise<T> {
  const name = `${node.container}-reader`
  // One that was orphaned a moment ago may still be closing the same data.
  await attempt(['rm', '-f', name])
  const image = await look(['inspect', '-f', '{{.Config.Image}}', node.container])
  const isolated = ['--rm', '-i', '--name', name, ...labelledHelper(lab), '--network', 'none']
  const volume = ['--volume', `${node.volume}:/var/lib/postgresql/data`]
  const command = ['run', ...isolated, ...volume, ...confinement(node), image, 'bash', '-c', PROGRAM]
  tell(`docker ${command.slice(0, -1).map(typed).join(' ')} 'pg_ctl start …'`)
  const child = spawn('docker', command, {
    ...asksOurEngine(),
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  let errors = ''
  let over = false
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  child.stdin.on('error', () => {})
  const ended = once(child, 'close').finally(() => {
    over = true
  })
  ended.catch(() => {})
  try {
    const ask = (query: string) => attempt(['exec', '-i', name, ...PSQL, '-f', '-'], query)
    const unreadable = (problem: string) => labError('VOTES_UNREADABLE', { node: node.name, problem })
    const what = `the data of ${node.name} to be open`
    await until(what, { seconds: 60, patience: lab.settings.patience }, async () => {
      if (over) throw unreadable(fatalOf(errors))
      const { stdout, stderr } = await ask(HAS_REPLAYED)
      return stdout === 't' ? { done: undefined } : { seen: stderr || 'it replays its WAL' }
    }).catch((error) => {
      throw error instanceof LabError && error.code === 'TIMEOUT' ? unreadable(error.message) : error
    })
    return await use(async (query) => {
      const asked = await ask(query)
      if (asked.exit !== 0) throw unreadable(asked.stderr)
      return asked.stdout
    })
  } finally {
    child.stdin.end()
    await ended
  }
}

/** What a server that did not come up says is the reason, and not what it says to us who ask too early; else all of it. */
function fatalOf(said: string): string {
  const reasons = said.match(/(?:FATAL|PANIC): .*/g)?.filter((line) => !/the database system is /.test(line))
  return reasons?.[0] ?? (said.trim() || 'the server ended without a word')
}
