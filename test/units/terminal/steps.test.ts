import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'tap'
import { typed } from '../../../scripts/lab/docker/command.ts'

const STEPS = join(import.meta.dirname, '../../../scripts/lab/terminal/steps.ts')

/** What a step writes to a pipe when it tells these commands. */
function piped(commands: readonly string[], environment: NodeJS.ProcessEnv = {}): string {
  const script = `const { reporter } = await import('${STEPS}')
    await reporter.step('Work', ({ tell, say }) => { say('news'); ${JSON.stringify(commands)}.forEach(tell) })`
  const args = ['--input-type=module', '-e', script]
  return spawnSync(process.execPath, args, { encoding: 'utf8', env: { ...process.env, COLUMNS: '', ...environment } })
    .stderr
}

/** The arguments of each `docker` in a text that is pasted into a shell. */
function pasted(text: string): readonly string[][] {
  const shell = `docker() { printf '%s\\0' "$#" "$@"; }\n${text}`
  const [...given] = spawnSync('bash', ['-c', shell], { encoding: 'utf8' }).stdout.split('\0').slice(0, -1)
  const calls: string[][] = []
  while (given.length > 0) calls.push(given.splice(0, Number(given.shift())))
  return calls
}

test('a command that a step tells on a pipe fits its lines, and does the same when it is pasted', async (t) => {
  const option = fc.constantFrom('--label', '-e', '--env=a', '-', '--add-host', '|')
  const word = fc.string({ maxLength: 40, size: 'max' })
  const calls = fc.sample(fc.array(fc.oneof(option, word), { maxLength: 40, size: 'max' }), 200)
  const commands = calls.map((args) => ['docker', ...args].map(typed).join(' '))
  t.ok(commands.some((command) => command.length > 400))
  for (const columns of [120, 60]) {
    const said = piped(commands, columns === 120 ? {} : { COLUMNS: String(columns) })
    t.match(said, /^❯ Work\n› news\n(.|\n)*\n✔ Work/)
    const told = said.split('\n').filter((line) => /^(› \$| {4})/.test(line))
    t.strictSame(pasted(told.map((line) => line.replace(/^› \$ /, '')).join('\n')), calls)
    t.ok(told.length > calls.length, `${told.length} lines for ${calls.length} commands`)
    // A word may be longer than a line; these have at most 40 characters, and a shell's quotes.
    t.strictSame(
      told.filter((line) => line.length > columns && !line.includes(`'\\''`)),
      [],
    )
  }
})

test('with LAB_STEPS=json each event of a step is one line of JSON', (t) => {
  const script = `const { reporter } = await import('${STEPS}')
    const { labError } = await import('${join(import.meta.dirname, '../../../scripts/lab/errors.ts')}')
    const value = await reporter.step('Check', ({ tell, say, retitle }) => {
      tell('docker ps'); say('two\\nlines'); retitle('Checked'); return 5
    })
    await reporter.together('Start', [{ title: 'a', work: () => {} }, { title: 'b', work: () => {} }])
    await reporter.step('Fail', () => { throw labError('NO_PRIMARY', { seen: 'nothing' }) }).catch(() => {})
    console.log(value)`
  const args = ['--input-type=module', '-e', script]
  const { stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    env: { ...process.env, LAB_STEPS: 'json' },
  })
  t.equal(stdout, '5\n', stderr)
  const lines = stderr.trimEnd().split('\n')
  const events = lines.map((line) => {
    const { at, ...event } = JSON.parse(line)
    t.match(at, /^\d{4}-\d\d-\d\dT/)
    return event
  })
  t.strictSame(events.slice(0, 5), [
    { step: 1, event: 'begun', title: 'Check', within: null },
    { step: 1, event: 'command', command: 'docker ps' },
    { step: 1, event: 'news', news: 'two\nlines' },
    { step: 1, event: 'title', title: 'Checked' },
    { step: 1, event: 'done' },
  ])
  t.match(
    events.filter(({ event }) => event === 'begun'),
    [{ title: 'Check' }, { step: 2 }, { title: 'a', within: 2 }, { title: 'b', within: 2 }, { title: 'Fail' }],
  )
  t.match(events.at(-1), { step: 5, event: 'failed', code: 'NO_PRIMARY', message: /nothing/ })
  t.end()
})

test('with LAB_STEPS=json an error is one line of JSON too, with its fix', (t) => {
  const script = join(import.meta.dirname, '../../../scripts/failover.ts')
  const { status, stderr } = spawnSync(process.execPath, [script], {
    encoding: 'utf8',
    env: { ...process.env, LAB_STEPS: 'json', LAB_PORT_OFFSET: 'x' },
  })
  t.equal(status, 1)
  t.match(JSON.parse(stderr), { event: 'error', code: 'SETTING', message: /LAB_PORT_OFFSET/, fix: /number/ })
  t.end()
})
