// Runs the test suite: brings up a lab of its own beside any other, runs tap against it, removes it again.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { proxySettings } from '../vm/network/proxy.ts'
import { forgetLab, keepLab, keptLab, labEnvironment } from './kept-lab.ts'

const ROOT = join(import.meta.dirname, '..')
const BIN = join(ROOT, 'node_modules/.bin')
const USAGE = `Usage: npm test -- [options] [folder or file below test/ …]   (none: everything)
  -g, --grep <name>  only tests with that in their name, or /like this/i
  --keep             use the lab that an earlier --keep left, and leave it for the next
  --drop             remove the lab that --keep left; runs no tests`

const refuse = (problem: string, fix: string): never => {
  console.error(`✗ ${problem}\n  → ${fix}`)
  process.exit(2)
}

const { values, positionals: wanted } = readArguments()
if (values.help) {
  console.log(USAGE)
  process.exit(0)
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        grep: { type: 'string', short: 'g', multiple: true, default: [] },
        keep: { type: 'boolean', default: false },
        drop: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    return refuse((error as Error).message, USAGE)
  }
}

const all = (await Array.fromAsync(glob('test/**/*.test.ts', { cwd: ROOT }))).sort()
// Those of test/vm boot machines and need a box that was built: only when asked for.
const files = all.filter((file) =>
  wanted.length === 0
    ? !file.startsWith('test/vm/')
    : wanted.some((word) => file.startsWith(word) || file.startsWith(join('test', word))),
)
if (files.length === 0)
  refuse(
    `no tests below test/ match ${wanted.join(' ')}`,
    `one or more of: ${[...new Set(all.map((file) => file.split('/')[1]))].join(' ')}`,
  )

const scratch = mkdtempSync(join(tmpdir(), 'failover-lab-test-'))
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))
const patience = Number(process.env['LAB_PATIENCE'] || 1)
/** Seconds that a file of tests may take; more of them for a long run of a property. */
const timeout = Number(process.env['TEST_SECONDS'] || 180) * patience
const ownLab = () => (values.keep ? keepLab() : labEnvironment(`test-${randomBytes(3).toString('hex')}`, scratch))
const environment = {
  ...process.env,
  // Clients of the tests call the lab, not a proxy.
  ...proxySettings(process.env),
  PATH: `${BIN}:${process.env['PATH']}`,
  // Else bash takes the pipe that it gets from Node for a network connection, and reads ~/.bashrc first.
  SHLVL: '2',
  ...(values.drop ? keptLab() : await ownLab()),
}

let child: ReturnType<typeof spawn> | undefined
let interrupted = false
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    interrupted = true
    child?.kill(signal)
  })
}

/** Runs a command of the project to its end and gives its exit code. */
async function run(command: string, args: readonly string[], heard?: (text: string) => void): Promise<number> {
  const stdout = heard === undefined ? 'inherit' : 'pipe'
  child = spawn(join(BIN, command), args, { cwd: ROOT, env: environment, stdio: ['ignore', stdout, 'inherit'] })
  child.stdout?.on('data', (chunk) => {
    process.stdout.write(chunk)
    heard?.(String(chunk))
  })
  const [exit] = await once(child, 'close')
  child = undefined
  return exit ?? 1
}

/** Runs tap: its own display on a terminal, its plain report when piped; gives that report either way. */
async function runTap(): Promise<{ exit: number; report: string }> {
  // Nodes are killed and healed on the way: one file at a time. A file that hangs is ended and reported.
  const options = ['--type-strip-only', '--disable-coverage', '--jobs=1', `--timeout=${timeout}`]
  const grep = values.grep.map((name) => `--grep=${name}`)
  if (process.stdout.isTTY) {
    const file = join(scratch, 'report.tap')
    const exit = await run('tap', [...options, ...grep, `--output-file=${file}`, ...files])
    return { exit, report: existsSync(file) ? readFileSync(file, 'utf8') : '' }
  }
  let report = ''
  const exit = await run('tap', [...options, ...grep, ...files], (text) => {
    report += text
  })
  return { exit, report }
}

if (values.drop) {
  process.exitCode = keptLab() === undefined ? 0 : await run('zx', ['scripts/teardown.ts'])
  if (process.exitCode === 0) forgetLab()
} else {
  process.exitCode = await runTests()
}

/** Brings the lab up if these tests need one, runs them, and removes it if it is not kept; gives the exit code. */
async function runTests(): Promise<number> {
  const LABLESS = ['test/units/', 'test/report/', 'test/vm/']
  const needsLab = files.some((file) => !LABLESS.some((folder) => file.startsWith(folder)))
  let exit = 1
  let report = ''
  try {
    exit = needsLab ? await run('zx', ['scripts/setup.ts']) : 0
    if (exit === 0 && !interrupted) ({ exit, report } = await runTap())
  } finally {
    if (needsLab && !values.keep && (await run('zx', ['scripts/teardown.ts'])) !== 0) exit = 1
  }
  if (needsLab && values.keep) console.log(`\nThe lab is kept. By hand: ${byHand()}\nRemove it: npm test -- --drop`)

  // Tests are what stands right below a file in the report.
  const tests = report.split('\n').filter((line) => /^ {4}(not )?ok /.test(line) && !/# (SKIP|TODO)/.test(line))
  const failed = tests.filter((line) => line.includes('not ok'))
  if (tests.length === 0 && values.grep.length > 0) console.error(`✗ no test of these files is named ${values.grep}`)
  // Named once more: the report above them is long.
  for (const line of failed) console.log(`✗${line.replace(/^ *not ok \d+ -/, '')}`)
  console.log(`\n${tests.length - failed.length} passed, ${failed.length} failed`)
  return interrupted ? 130 : exit === 0 && tests.length === 0 ? 1 : exit
}

/** A command as it is typed to act on the kept lab. */
function byHand(): string {
  const kept = Object.entries(keptLab() ?? {}).map(([name, value]) => `${name}=${value}`)
  return `${kept.join(' ')} npm run -s status`
}
