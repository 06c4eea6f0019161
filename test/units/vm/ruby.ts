// Runs what the Vagrantfile loads as Vagrant would, without Vagrant.
import { spawnSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../../..')

/** A folder in which Vagrant has nothing yet. */
export const emptyFolder = (): string => mkdtempSync(join(tmpdir(), 'vm-vagrant-'))

// Without this shell's own settings, which the tests would otherwise measure, and without boxes that are here already.
const plain = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^LAB_|^VAGRANT_|_proxy$/i.test(name))),
  VAGRANT_HOME: emptyFolder(),
}

export type Environment = Readonly<Record<string, string>>

/** Runs a command in the project; gives its exit code, what it answered, and all that it said. */
export function run(command: string, args: readonly string[], environment: Environment = {}) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: ROOT,
    env: { ...plain, ...environment },
    encoding: 'utf8',
    timeout: 60_000,
  })
  return { status, stdout, said: stdout + stderr }
}

/** Options of a test that needs commands which not every machine has. */
export function needs(...commands: readonly string[]): { skip?: string } {
  const missing = commands.find((command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).error)
  return missing === undefined ? {} : { skip: `${missing} is not installed here` }
}

/** The value of a Ruby expression that uses what is in vm/host/. */
export function ruby(expression: string, environment: Environment = {}) {
  const files = ['machine', 'boxes', 'host', 'ports', 'proxy'].flatMap((name) => ['-r', `./vm/host/${name}.rb`])
  const asked = run('ruby', ['-r', 'json', ...files, '-e', `puts JSON.generate(${expression})`], environment)
  if (asked.status !== 0) throw new Error(asked.said)
  return JSON.parse(asked.stdout)
}

export type Asked = readonly [where: string, arguments: readonly unknown[], options: Readonly<Record<string, unknown>>]

/** All that the Vagrantfile of a clone of this project asks Vagrant for. */
export function vagrantfile(environment: Environment = {}, project = ROOT): readonly Asked[] {
  const read = run('ruby', [join(project, 'test/units/vm/vagrantfile-as-read.rb')], environment)
  if (read.status !== 0) throw new Error(read.said)
  return JSON.parse(read.stdout)
}
