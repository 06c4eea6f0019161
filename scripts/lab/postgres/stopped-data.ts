import { once } from 'node:events'
import { attempt, start, typed } from '../docker/command.ts'
import { confinement } from '../docker/confinement.ts'
import { labelledHelper } from '../docker/leftovers.ts'
import { VOLUME_FOLDER } from '../docker/volume.ts'
import { LabError, labError } from '../errors.ts'
import type { Tell } from '../steps.ts'
import type { DatabaseNode, Lab } from '../topology/topology.ts'
import { until } from '../wait.ts'
import { psqlOn } from './sql.ts'

// It runs alone and replays only its own timeline: a standby may have the history of a newer one that it does not fit.
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

// It runs as long as its standard input is open, so it cannot outlive the command that needed it.
const PROGRAM = `
pg_ctl start -s -w -t 120 -l /tmp/log -o "${SETTINGS}" || { cat /tmp/log >&2; exit 1; }
cat >/dev/null
pg_ctl stop -s -m fast`

// A standby answers before it has replayed everything. When it has, it waits for more WAL, which never comes.
const HAS_REPLAYED = `
select not pg_is_in_recovery() or exists (select from pg_stat_activity
  where backend_type = 'startup' and wait_event = 'RecoveryRetrieveRetryInterval')`

/**
 * Opens the data of a stopped database without a network: it can be read, and nobody can write to it. When `use` is done,
 * the database shuts down. `use` gets a function that runs SQL there, in the lab's database unless said, and gives rows as
 * lines.
 */
export async function withStoppedData<T>(
  tell: Tell,
  lab: Lab,
  node: DatabaseNode,
  use: (ask: (query: string, database?: string) => Promise<string>) => Promise<T>,
): Promise<T> {
  const name = `${node.container}-reader`
  // An earlier reader may still be shutting down on the same data.
  await attempt(['rm', '-f', name])
  const { stdout: image, exit, stderr } = await attempt(['inspect', '-f', '{{.Config.Image}}', node.container])
  if (exit !== 0) throw labError('VOTES_UNREADABLE', { node: node.name, problem: stderr })
  const isolated = ['--rm', '-i', '--name', name, ...labelledHelper(lab), '--network', 'none']
  const volume = ['--volume', `${node.volume}:${VOLUME_FOLDER}`]
  const command = ['run', ...isolated, ...volume, ...confinement(node), image, 'bash', '-c', PROGRAM]
  tell(`docker ${command.slice(0, -1).map(typed).join(' ')} 'pg_ctl start …'`)
  const child = start(command)
  child.stdout.resume()
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
    const ask = (query: string, database: string) =>
      attempt(['exec', '-i', name, ...psqlOn(database), '-f', '-'], query)
    const unreadable = (problem: string) => labError('VOTES_UNREADABLE', { node: node.name, problem })
    const what = `the data of ${node.name} to be open`
    await until(what, { seconds: 60, patience: lab.settings.patience }, async () => {
      if (over) throw unreadable(fatalOf(errors))
      // Every cluster has this database.
      const { stdout, stderr } = await ask(HAS_REPLAYED, 'postgres')
      if (/(?:role|database) "[^"]*" does not exist/.test(stderr)) throw unreadable(stderr)
      return stdout === 't' ? { done: undefined } : { seen: stderr || 'it replays its WAL' }
    }).catch((error) => {
      throw error instanceof LabError && error.code === 'TIMEOUT' ? unreadable(error.message) : error
    })
    return await use(async (query, database = 'polling') => {
      const asked = await ask(query, database)
      if (asked.exit !== 0) throw unreadable(asked.stderr)
      return asked.stdout
    })
  } finally {
    child.stdin.end()
    await ended
  }
}

/** The reason that a server gives for not starting, without its answers to our early questions; else all that it said. */
function fatalOf(said: string): string {
  const reasons = said.match(/(?:FATAL|PANIC): .*/g)?.filter((line) => !/the database system is /.test(line))
  return reasons?.[0] ?? (said.trim() || 'the server ended without a message')
}
