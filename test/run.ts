// Runs the test suite: brings up labs of its own beside any other, runs tap against them, removes them again.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { proxySettings } from '../vm/network/proxy.ts'
import { failuresOf } from './failures.ts'
import { forgetLab, keepLab, keptLab, LABS_NOTE, type LabEnvironment, newLabs } from './labs.ts'

const ROOT = join(import.meta.dirname, '..')
const BIN = join(ROOT, 'node_modules/.bin')
/** One for each processor, but not more than an engine can start and stop at the same time. */
const USUAL_LABS = Math.min(availableParallelism(), 4)
const USAGE = `Usage: npm test -- [options] [folder or file below test/ …]   (none: all but explore and vm)
  -g, --grep <name>  only tests with that in their name, or /like this/i
  --labs <number>    files that run side by side, each with a lab of its own (default: one for each processor, at most 4)
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
        labs: { type: 'string' },
        keep: { type: 'boolean', default: false },
        drop: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    return refuse((error as Error).message, USAGE)
  }
}

/** What explores goes on for long; those of test/vm boot machines and need a box that was built: both only when asked for. */
const ONLY_WHEN_ASKED = ['test/explore/', 'test/vm/']
const LABLESS = ['test/units/', 'test/report/', 'test/vm/']
/** They change the images, which all labs share. */
const ALONE = ['test/images/']
const isBelow = (file: string, folders: readonly string[]) => folders.some((folder) => file.startsWith(folder))

const all = (await Array.fromAsync(glob('test/**/*.test.ts', { cwd: ROOT }))).sort()
const files = all.filter((file) =>
  wanted.length === 0
    ? !isBelow(file, ONLY_WHEN_ASKED)
    : wanted.some((word) => file.startsWith(word) || file.startsWith(join('test', word))),
)
if (files.length === 0)
  refuse(
    `no tests below test/ match ${wanted.join(' ')}`,
    `one or more of: ${[...new Set(all.map((file) => file.split('/')[1]))].join(' ')}`,
  )
const needLab = files.filter((file) => !isBelow(file, LABLESS))
const scratch = mkdtempSync(join(tmpdir(), 'failover-lab-test-'))
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))
const patience = Number(process.env['LAB_PATIENCE'] || 1)
/** Seconds that a file of tests may take; more of them for a long run of a property. */
const timeout = Number(process.env['TEST_SECONDS'] || 1200) * patience
const environment = {
  ...process.env,
  // Clients of the tests call the lab, not a proxy.
  ...proxySettings(process.env),
  PATH: `${BIN}:${process.env['PATH']}`,
  // Where verbs keep compiled code anyway. With this Node uses it from the first line on.
  NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] || join(tmpdir(), 'node-compile-cache'),
  // Else bash takes the pipe that it gets from Node for a network connection, and reads ~/.bashrc first.
  SHLVL: '2',
}

const children = new Set<ReturnType<typeof spawn>>()
let interrupted = false
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    interrupted = true
    for (const child of children) child.kill(signal)
  })
}

type Output = 'shown' | ((text: string) => void)

/** Runs a command of the project to its end and gives its exit code. */
async function run(command: string, args: readonly string[], more: object, output: Output = 'shown'): Promise<number> {
  const stdout = output === 'shown' ? 'inherit' : 'pipe'
  const env = { ...environment, ...more }
  const child = spawn(join(BIN, command), args, { cwd: ROOT, env, stdio: ['ignore', stdout, 'inherit'] })
  children.add(child)
  if (output !== 'shown') child.stdout?.on('data', (chunk) => output(String(chunk)))
  const [exit] = await once(child, 'close')
  children.delete(child)
  return exit ?? 1
}

/** Files that run side by side, as many as there are labs. */
type Batch = { readonly labs: readonly LabEnvironment[]; readonly files: readonly string[] }
type Ran = { readonly exit: number; readonly report: string }

/** Runs tap: its own display on a terminal, its plain report when piped; gives that report either way. */
async function runTap({ labs, files }: Batch): Promise<Ran> {
  const note = join(scratch, 'labs.json')
  writeFileSync(note, JSON.stringify(labs))
  // Nodes are killed and healed on the way: each file has a lab to itself. A file that hangs is ended and reported.
  const options = ['--type-strip-only', '--disable-coverage', `--jobs=${labs.length}`, `--timeout=${timeout}`]
  const taking = `--node-arg=--import=${join(import.meta.dirname, 'take-lab.ts')}`
  const args = [...options, taking, ...values.grep.map((name) => `--grep=${name}`)]
  const more = { [LABS_NOTE]: note }
  if (process.stdout.isTTY) {
    const file = join(scratch, 'report.tap')
    const exit = await run('tap', [...args, `--output-file=${file}`, ...files], more)
    return { exit, report: existsSync(file) ? readFileSync(file, 'utf8') : '' }
  }
  let report = ''
  const exit = await run('tap', [...args, ...files], more, (text) => {
    process.stdout.write(text)
    report += text
  })
  return { exit, report }
}

if (values.drop) {
  const kept = keptLab()
  process.exitCode = kept === undefined ? 0 : await run('zx', ['scripts/teardown.ts'], kept)
  if (process.exitCode === 0) forgetLab()
} else {
  process.exitCode = await runTests()
}

/** How many files run side by side, each with a lab of its own. */
function labCount(): number {
  const asked = Number(values.labs ?? Math.min(USUAL_LABS, Math.max(needLab.length, 1)))
  if (!Number.isInteger(asked) || asked < 1)
    refuse(`--labs ${values.labs}: not a number of labs`, 'for example --labs 2')
  return asked
}

/** Runs a verb for each lab. What it says is shown for the first; for others only if it fails. Gives the exit codes' highest. */
async function forEachLab(labs: readonly LabEnvironment[], verb: string): Promise<number> {
  const [first, ...others] = labs
  // The first one builds missing images. If it cannot, the others cannot either; but each one is removed.
  const exits = [await run('zx', [`scripts/${verb}.ts`], first ?? {})]
  if (exits[0] === 0 || verb === 'teardown') exits.push(...(await Promise.all(others.map((lab) => quietly(lab, verb)))))
  return Math.max(...exits)
}

async function quietly(lab: LabEnvironment, verb: string): Promise<number> {
  let said = ''
  const exit = await run('zx', [`scripts/${verb}.ts`], lab, (text) => {
    said += text
  })
  if (exit !== 0) console.log(said)
  return exit
}

/** First what runs side by side, then one by one what must be alone. */
function batchesOf(labs: readonly LabEnvironment[]): readonly Batch[] {
  const alone = files.filter((file) => isBelow(file, ALONE))
  const others = files.filter((file) => !isBelow(file, ALONE))
  return [
    { labs, files: others },
    { labs: labs.slice(0, 1), files: alone },
  ].filter((batch) => batch.files.length > 0)
}

/** Brings labs up if these tests need any, runs them, and removes the labs if none is kept; gives the exit code. */
async function runTests(): Promise<number> {
  const labs = values.keep ? [await keepLab()] : await newLabs(labCount(), scratch)
  let exit = 1
  let report = ''
  try {
    exit = needLab.length > 0 ? await forEachLab(labs, 'setup') : 0
    for (const batch of exit === 0 ? batchesOf(labs) : []) {
      if (interrupted) break
      const ran = await runTap(batch)
      exit = Math.max(exit, ran.exit)
      report += ran.report
    }
  } finally {
    if (needLab.length > 0 && !values.keep && (await forEachLab(labs, 'teardown')) !== 0) exit = 1
  }
  if (needLab.length > 0 && values.keep)
    console.log(`\nThe lab is kept. By hand: ${byHand()}\nRemove it: npm test -- --drop`)

  // Tests are what stands right below a file in the report.
  const tests = report.split('\n').filter((line) => /^ {4}(not )?ok /.test(line) && !/# (SKIP|TODO)/.test(line))
  const skipped = report.split('\n').filter((line) => /^( {4})?ok .*# SKIP.*no time left/.test(line)).length
  const failures = failuresOf(report)
  if (tests.length === 0 && values.grep.length > 0) console.error(`✗ no test of these files is named ${values.grep}`)
  // Shown once more: the report above them is long.
  if (failures.length > 0) console.log(`\nWhat failed:\n${failures.join('\n')}`)
  console.log(
    `\n${tests.length - failures.length} passed, ${failures.length} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`,
  )
  return interrupted ? 130 : exit === 0 && tests.length + skipped === 0 ? 1 : exit
}

/** A command as it is typed to act on the kept lab. */
function byHand(): string {
  const kept = Object.entries(keptLab() ?? {}).map(([name, value]) => `${name}=${value}`)
  return `${kept.join(' ')} npm run -s status`
}
