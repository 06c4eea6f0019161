// Runs the test suite: brings up a lab of its own beside any other, runs tap against it, removes it again.
// Usage: node test/run.ts [folder or file below test/ …]   (none: everything)
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePortOffset } from '../scripts/lab/free-ports.ts'
import { proxySettings } from '../vm/proxy.ts'

const ROOT = join(import.meta.dirname, '..')
const BIN = join(ROOT, 'node_modules/.bin')

const wanted = process.argv.slice(2)
const all = (await Array.fromAsync(glob('test/**/*.test.ts', { cwd: ROOT }))).sort()
// Those of test/vm boot machines and need a box that was built: only when asked for.
const files = all.filter((file) =>
  wanted.length === 0 ? !file.startsWith('test/vm/') : wanted.some((word) => file.startsWith(join('test', word))),
)
if (files.length === 0) {
  console.error(
    `✗ no tests below test/ match ${wanted.join(' ')}\n  → one or more of: ${[...new Set(all.map((file) => file.split('/')[1]))].join(' ')}`,
  )
  process.exit(2)
}

const scratch = mkdtempSync(join(tmpdir(), 'failover-lab-test-'))
const patience = Number(process.env['LAB_PATIENCE'] || 1)
/** Seconds that a file of tests may take; more of them for a long run of a property. */
const timeout = Number(process.env['TEST_SECONDS'] || 180) * patience
const environment = {
  ...process.env,
  // Clients of the tests call the lab, not a proxy.
  ...proxySettings(process.env),
  PATH: `${BIN}:${process.env['PATH']}`,
  LAB_NAME: `test-${randomBytes(3).toString('hex')}`,
  LAB_PORT_OFFSET: String(await freePortOffset()),
  // Nothing of the suite's lab goes into the user's home.
  XDG_STATE_HOME: join(scratch, 'state'),
  PGPASSFILE: join(scratch, 'pgpass'),
}

let child: ReturnType<typeof spawn> | undefined
let interrupted = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
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
  if (process.stdout.isTTY) {
    const file = join(scratch, 'report.tap')
    const exit = await run('tap', [...options, `--output-file=${file}`, ...files])
    return { exit, report: existsSync(file) ? readFileSync(file, 'utf8') : '' }
  }
  let report = ''
  const exit = await run('tap', [...options, ...files], (text) => {
    report += text
  })
  return { exit, report }
}

const LABLESS = ['test/units/', 'test/report/', 'test/vm/']
const needsLab = files.some((file) => !LABLESS.some((folder) => file.startsWith(folder)))
let exit = 1
let report = ''
try {
  exit = needsLab ? await run('zx', ['scripts/setup.ts']) : 0
  if (exit === 0 && !interrupted) ({ exit, report } = await runTap())
} finally {
  if (needsLab && (await run('zx', ['scripts/teardown.ts'])) !== 0) exit = 1
  rmSync(scratch, { recursive: true, force: true })
}

// Tests are what stands right below a file in the report.
const tests = report.split('\n').filter((line) => /^ {4}(not )?ok /.test(line) && !/# (SKIP|TODO)/.test(line))
const failed = tests.filter((line) => line.includes('not ok')).length
console.log(`\n${tests.length - failed} passed, ${failed} failed`)
process.exitCode = interrupted ? 130 : exit === 0 && tests.length === 0 ? 1 : exit
