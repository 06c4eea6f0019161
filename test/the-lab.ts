// What every test that needs the lab starts from: the suite's own lab, its addresses, its verbs.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { attempt } from '../scripts/lab/docker/command.ts'
import { readSettings } from '../scripts/lab/settings.ts'
import { type DatabaseName, endpointOf, labOf, type NodeName } from '../scripts/lab/topology/topology.ts'

const ROOT = join(import.meta.dirname, '..')

export const lab = labOf(readSettings())
export const { patience } = lab.settings

/** host:port of a published node. */
export function addressOf(name: NodeName): string {
  const node = lab.nodes.find((it) => it.name === name)
  const endpoint = node && endpointOf(lab, node)
  if (endpoint == null) throw new Error(`${name} is not published`)
  return endpoint
}

export const containerOf = (name: NodeName): string => {
  const node = lab.nodes.find((it) => it.name === name)
  if (node === undefined) throw new Error(`no node ${name}`)
  return node.container
}

/** How a verb ended, with the exit code that a shell shows: a signal that comes after a verb's last line ends it too. */
export type Ran = { readonly exit: number; readonly stdout: string; readonly stderr: string }

/** Starts the real command of a verb. Node runs it as zx does, but starts in half the time. */
export function startVerb(verb: string, args: readonly string[] = [], environment: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [`scripts/${verb}.ts`, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended: Promise<Ran> = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]).then(
    ([stdout, stderr, [exit, signal]]) => ({
      exit: exit ?? 128 + constants.signals[signal as NodeJS.Signals],
      stdout,
      stderr,
    }),
  )
  return { child, ended }
}

/** Runs a verb to its end. */
export const verb = (name: string, args: readonly string[] = [], environment: NodeJS.ProcessEnv = {}): Promise<Ran> =>
  startVerb(name, args, environment).ended

/** What a command that failed printed, to be shown by the test that finds it so; nothing for one that succeeded. */
export const failureOf = ({ exit, stdout, stderr }: Ran): string =>
  exit === 0 ? 'it succeeds' : `exit ${exit}\n${stdout}${stderr}`

/** Runs setup, which has to succeed; gives what it did to each node. */
export async function changesOf(): Promise<Record<string, string>> {
  const ran = await verb('setup', ['--json'])
  if (ran.exit !== 0) throw new Error(failureOf(ran))
  return JSON.parse(ran.stdout).changes
}

/** What status prints. */
export const statusText = async (): Promise<string> => (await verb('status')).stdout

async function reset(): Promise<void> {
  const ran = await verb('reset')
  if (ran.exit !== 0) throw new Error(failureOf(ran))
}

/** Gives the lab back as new when the test is over. */
export const resetAfter = (t: Test): void => t.teardown(reset)

/** Runs setup with other settings, which has to succeed. */
export async function setUp(settings: NodeJS.ProcessEnv): Promise<void> {
  const ran = await verb('setup', [], settings)
  if (ran.exit !== 0) throw new Error(failureOf(ran))
}

/** Gives the lab its usual manager and number of standbys again, on timeline 1: a change of the manager keeps the data, and those of Patroni are on a later one. */
export async function asUsual(): Promise<void> {
  await setUp({ LAB_MANAGER: 'scripted', LAB_STANDBYS: '1' })
  await reset()
}

/** If processes start faster than the engine can freeze them, it gives up; the next try mostly succeeds. */
const FREEZES = 10

/** Runs `docker …`; one that fails is an error with what it said. */
export async function docker(...args: readonly string[]): Promise<string> {
  for (let nth = 1; ; nth++) {
    const { exit, stdout, stderr } = await attempt(args)
    if (exit === 0) return stdout
    if (nth < FREEZES && stderr.includes('unable to freeze')) continue
    // Of several containers the first tries have paused some.
    if (nth > 1 && stderr.includes('already paused')) return stdout
    throw new Error(`docker ${args.join(' ')}: ${stderr}`)
  }
}

/** All that a container logged, on either output. */
export async function logsOf(container: string): Promise<string> {
  const { stdout, stderr } = await attempt(['logs', container])
  return `${stdout}\n${stderr}`
}

/** Runs SQL inside a database node as its superuser; gives rows as lines, columns separated by `|`. */
export async function sql(name: DatabaseName, query: string): Promise<string> {
  const done = await attempt(
    ['exec', '-i', containerOf(name), 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', 'polling', '-f', '-'],
    query,
  )
  if (done.exit !== 0) throw new Error(done.stderr)
  return done.stdout
}
