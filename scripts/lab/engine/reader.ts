import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { labError } from '../errors.ts'
import { interruption } from '../interruption.ts'
import type { DatabaseNode, Lab } from '../topology.ts'
import { until } from '../wait.ts'
import { attempt, look, type Tell, typed } from './docker.ts'
import { LAB_LABEL } from './ownership.ts'

// Lives as long as somebody holds its standard input: it cannot outlast the command that needed it.
const PROGRAM = `
pg_ctl start -s -w -t 120 -l /tmp/log -o "-c listen_addresses='' -c autovacuum=off -c primary_conninfo='' -c synchronous_standby_names=''" || { cat /tmp/log >&2; exit 1; }
touch /tmp/ready
cat >/dev/null
pg_ctl stop -s -m fast`

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
  const isolated = ['--rm', '-i', '--name', name, '--label', `${LAB_LABEL}=${lab.name}`, '--network', 'none']
  const volume = ['--volume', `${node.volume}:/var/lib/postgresql/data`]
  const command = ['run', ...isolated, ...volume, '--cap-drop', 'ALL', image, 'bash', '-c', PROGRAM]
  tell(`docker ${command.slice(0, -1).map(typed).join(' ')} 'pg_ctl start …'`)
  const child = spawn('docker', command, { stdio: ['pipe', 'ignore', 'pipe'], signal: interruption.signal })
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
    await until(`the data of ${node.name} to be open`, { seconds: 60, patience: lab.settings.patience }, async () => {
      if (over)
        throw labError('DATABASE_SILENT', { node: node.name, problem: errors.trim() || 'its data cannot be opened' })
      const ready = await attempt(['exec', name, 'test', '-e', '/tmp/ready'])
      return ready.exit === 0 ? { done: undefined } : { seen: errors.trim() || 'it is starting' }
    })
    return await use(async (query) => {
      const asked = await attempt(
        ['exec', '-i', name, 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', 'polling', '-f', '-'],
        query,
      )
      if (asked.exit !== 0) throw labError('DATABASE_SILENT', { node: node.name, problem: asked.stderr })
      return asked.stdout
    })
  } finally {
    child.stdin.end()
    await ended
  }
}
