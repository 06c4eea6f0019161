import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { test } from 'tap'
import { ownArguments } from '../../../scripts/lab/terminal/command-line.ts'

test('whatever path a verb is started by is not one of its arguments', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'føo bär '))
  t.teardown(() => rmSync(root, { recursive: true }))
  const script = join(root, 'real', 'poll.ts')
  mkdirSync(join(root, 'real'))
  writeFileSync(script, '')
  symlinkSync('real', join(root, 'folder'))
  symlinkSync(script, join(root, 'link.ts'))
  const zx = ['/usr/bin/node', '/x/node_modules/.bin/zx']
  const words = [script, `${root}/folder/poll.ts`, `${root}/real/../link.ts`, pathToFileURL(script).href]
  for (const word of words) {
    t.strictSame(ownArguments([...zx, word, 'list', '--json'], script), ['list', '--json'], word)
    t.strictSame(ownArguments([...zx, '--quiet', word], script), [], word)
    t.strictSame(ownArguments(['/usr/bin/node', word, 'list', word], script), ['list', word], word)
    t.strictSame(ownArguments(['/usr/bin/node', word, 'list'], join(root, 'folder', 'poll.ts')), ['list'], word)
  }
  t.strictSame(ownArguments(['/usr/bin/node', 'gone.ts', 'list'], '/gone/too.ts'), ['list'])
})

test('a verb loads nothing before it can be interrupted', async (t) => {
  for (const file of globSync('scripts/*.ts', { cwd: join(import.meta.dirname, '../../..') })) {
    const source = readFileSync(join(import.meta.dirname, '../../..', file), 'utf8')
    const loaded = [...source.matchAll(/^import (?!type )[^;]*?'([^']+)'/gm)].map(([, name]) => name)
    t.strictSame(
      loaded.filter((name) => !name?.startsWith('node:')),
      ['./lab/terminal/begin.ts'],
      file,
    )
  }
})
