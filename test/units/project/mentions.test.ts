// Every verb, option, setting and file that a text names exists, and an option belongs to the verb that it is named with.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Command } from 'commander'
import { test } from 'tap'
import { ERRORS } from '../../../scripts/lab/error-table.ts'
import { SETTING_NAMES } from '../../../scripts/lab/settings.ts'
import { listPrograms } from '../../../scripts/lab/terminal/command-line.ts'
import { problemsIn, takes, type Verb, verbOf } from '../../mentions.ts'

const ROOT = join(import.meta.dirname, '../../..')
const textOf = (file: string): string => readFileSync(join(ROOT, file), 'utf8')
const filesOf = async (...patterns: string[]): Promise<readonly string[]> =>
  (await Array.fromAsync(glob(patterns, { cwd: ROOT }))).filter((file) => !file.includes('node_modules')).sort()

const programs = listPrograms()
for (const file of await filesOf('scripts/*.ts')) await import(join(ROOT, file))
const byVerb = new Map(programs.map((program) => [basename(program.name(), '.ts'), program]))

/** What a program says that is defined otherwise, and the verb that it is by that. */
function helpOf(name: string, file: string): { readonly help: string; readonly verb: Verb } {
  const { stdout: help } = spawnSync(process.execPath, [join(ROOT, file), '--help'], { encoding: 'utf8' })
  return { help, verb: { ...bare(name), options: new Set(help.match(/--[a-z]+/g)) } }
}
const bare = (name: string): Verb => ({ name, options: new Set(), commands: new Map(), usual: undefined })
const { help: boxHelp, verb: box } = helpOf('box', 'vm/box.ts')
const { scripts: npmScripts }: { scripts: Record<string, string> } = JSON.parse(textOf('package.json'))
const verbs: ReadonlyMap<string, Verb> = new Map([
  ...Object.keys(npmScripts).map((name): [string, Verb] => [name, bare(name)]),
  ...[...byVerb].map(([name, program]): [string, Verb] => [name, verbOf(name, program)]),
  ['box', box],
  ['test', helpOf('test', 'test/run.ts').verb],
])
const verbNamed = (name: string): Verb => {
  const verb = verbs.get(name)
  if (verb === undefined) throw new Error(`no verb ${name}`)
  return verb
}

/** What pages are about, where their name does not say it. */
const PAGES: Readonly<Record<string, readonly string[]>> = {
  'CONTRIBUTING.md': ['test'],
  'docs/classroom.md': ['box'],
  'docs/exercises.md': ['exercise'],
  'docs/experiments.md': ['experiment'],
  'docs/faults.md': ['fault'],
}

/** Texts of a page that belong together, a paragraph, a row or a line of code, each with the verbs of its headings. */
function partsOf(file: string): readonly { readonly text: string; readonly context: readonly Verb[] }[] {
  const page = (PAGES[file] ?? []).map(verbNamed)
  const parts: { text: string; context: readonly Verb[] }[] = []
  let context = page
  let isCode = false
  let open: string | undefined
  for (const line of [...textOf(file).split('\n'), '']) {
    const isFence = line.startsWith('```')
    if (isFence) isCode = !isCode
    const heading = /^#+ (.*)/.exec(line)
    if (heading !== null && !isCode) {
      const words = heading[1]?.toLowerCase().match(/[a-z]+/g) ?? []
      const own = words.flatMap((word) => (byVerb.has(word) ? [verbNamed(word)] : []))
      if (!line.startsWith('### ') || own.length > 0) context = [...own, ...page]
    }
    const isAlone = isCode || isFence || line.startsWith('|') || heading !== null
    if (open !== undefined && (isAlone || line.trim() === '' || /^\s*(?:[-*]|\d+\.) /.test(line))) {
      parts.push({ text: open, context })
      open = undefined
    }
    if (isAlone) parts.push({ text: line, context })
    else if (line.trim() !== '') open = open === undefined ? line : `${open} ${line.trim()}`
  }
  return parts
}

const documents = await filesOf('*.md', '{docs,vm,provisioning,exercises}/**/*.md')

test('the verbs and options that documents name exist, an option beside its verb', async (t) => {
  for (const file of documents)
    for (const { text, context } of partsOf(file))
      for (const problem of problemsIn(text, verbs, context)) t.fail(`${file}: ${problem}: ${text}`)
  t.ok(documents.length > 20)
})

test('the verbs and options that scripts, exercises and nodes name exist', async (t) => {
  const files = await filesOf(
    '{scripts,exercises,server,vm}/**/*.{ts,rb,sh}',
    'provisioning/**/*.sh',
    'Vagrantfile',
    '.ci/*',
  )
  for (const file of files.filter((it) => !it.endsWith('scripts/lab/error-table.ts'))) {
    const own = verbs.get(basename(file, '.ts'))
    for (const line of textOf(file).split('\n'))
      if (/^(?! *(?:\/\/|\*|#)).*(?:\bzx (?:scripts|vm)\/|\bnpm run )/.test(line))
        for (const problem of problemsIn(line, verbs, own === undefined ? [] : [own]))
          t.fail(`${file}: ${problem}: ${line.trim()}`)
    // Commands that are put together: stage.type.verb('poll', '--at', …, 'results').
    for (const [call, given = ''] of textOf(file).matchAll(/type\.verb\(((?:[^()]|\([^()]*\))*)\)/g)) {
      const [name = '', ...words] = [...given.matchAll(/'([^']*)'/g)].map(([, word]) => word ?? '')
      const verb = verbNamed(name)
      const command = words.find((word) => verb.commands.has(word)) ?? verb.usual
      for (const option of words.filter((word) => word.startsWith('--')))
        t.ok(takes(verb, option, command), `${file}: ${call}`)
    }
  }
  t.ok(files.length > 100)
})

test('the fix of an error names only verbs that exist, and options beside their verb or for who ran it', async (t) => {
  for (const [code, row] of Object.entries(ERRORS)) {
    const { says, fix, fixIn = {} }: { says: string; fix: string; fixIn?: Readonly<Record<string, string>> } = row
    for (const text of [says, fix])
      for (const problem of problemsIn(text, verbs)) t.fail(`${code}: ${problem}: ${text}`)
    for (const [name, text] of Object.entries(fixIn))
      for (const problem of problemsIn(text, verbs, [verbNamed(name)]))
        t.fail(`${code} of ${name}: ${problem}: ${text}`)
  }
  t.ok(byVerb.size >= 13)
})

test('the text of --help about an option is true of that command', async (t) => {
  const walk = (verb: Verb, command: Command): void => {
    const name = command.parent === null ? undefined : command.name()
    const described = [command.description(), ...command.options.map(({ description }) => description)]
    for (const text of described)
      for (const [option] of text.matchAll(/(?<![\w-])--[a-z][a-z-]*/g))
        t.ok(takes(verb, option, name), `${verb.name} ${name ?? ''}: ${text}`)
    for (const sub of command.commands) walk(verb, sub)
  }
  for (const [name, program] of byVerb) walk(verbNamed(name), program)
})

test('the settings that texts name exist', async (t) => {
  const machine = [...textOf('docs/machine.md').matchAll(/^\| `(LAB_\w+)` \|/gm)].map(([, name]) => name ?? '')
  const known = new Set([...SETTING_NAMES, ...machine])
  const texts = [
    ...documents.map((file): [string, string] => [file, textOf(file)]),
    ...[...byVerb].map(([name, program]): [string, string] => [name, program.helpInformation()]),
    ['box', boxHelp] as const,
    ['errors', JSON.stringify(ERRORS)] as const,
  ]
  for (const [where, text] of texts)
    for (const [name] of text.matchAll(/\bLAB_[A-Z]+(?:_[A-Z]+)*\b/g)) t.ok(known.has(name), `${where}: ${name}`)
})

test('the files that texts name exist', async (t) => {
  const path =
    /(?<![\w/.-])(?:\.\/|\/vagrant\/)?((?:docs|provisioning|scripts|vm|exercises|server|test|proto)\/[\w./-]*\.(?:md|ts|sh|json|txt|rb|proto|lock))\b/g
  const helps = [...byVerb.values()].map((program) => program.helpInformation())
  const sources = await filesOf(
    '{scripts,server,vm,provisioning}/**/*.{ts,rb,sh,txt}',
    'vm/prepare-host',
    'Vagrantfile',
    '.ci/*',
  )
  for (const text of [...[...documents, ...sources].map(textOf), ...helps, boxHelp, JSON.stringify(ERRORS)])
    for (const [, file = ''] of text.matchAll(path)) t.ok(existsSync(join(ROOT, file)), file)
  t.ok(sources.length > 100)
})

test('a wrong name is found, however the text names it', async (t) => {
  const wrong = (text: string, ...context: string[]) => problemsIn(text, verbs, context.map(verbNamed)).length
  t.equal(wrong('zx scripts/failover.ts --force, or zx scripts/switchover.ts'), 0)
  t.equal(wrong('zx scripts/switchover.ts --force'), 1)
  t.equal(wrong('run this again with --force'), 1)
  t.equal(wrong('run this again with --force', 'failover'), 0)
  t.equal(wrong('run this again with --force', 'switchover'), 1)
  t.equal(wrong('zx scripts/promote.ts'), 1)
  t.equal(wrong('npm run -s poll -- vote it Tea --user ann'), 0)
  t.equal(wrong('npm run -s poll -- list --user ann'), 1)
  t.equal(wrong('`zx scripts/rejoin.ts` | brings it back; `--copy`'), 0)
  t.equal(wrong('`rejoin` brings it back, or `--watch`'), 1)
  t.equal(wrong('`npm test -- --keep recovery`, `npm ci`'), 0)
  t.equal(wrong('`npm test -- --kept recovery`'), 1)
  t.equal(wrong('`docker run --network none`'), 0)
})
