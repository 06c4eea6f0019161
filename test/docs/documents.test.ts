import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { glob, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'tap'
import { environment } from '../../scripts/lab/docker/shell.ts'
import { SETTING_NAMES } from '../../scripts/lab/settings.ts'

const ROOT = join(import.meta.dirname, '../..')
const documents = (
  await Array.fromAsync(glob(['*.md', '{docs,vm,provisioning,exercises}/**/*.md'], { cwd: ROOT }))
).filter((file) => !file.includes('node_modules'))
const textOf = (file: string): Promise<string> => readFile(join(ROOT, file), 'utf8')
const readme = await textOf('README.md')

test('every link between files leads somewhere', async (t) => {
  for (const file of documents) {
    const links = [...(await textOf(file)).matchAll(/\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)/g)].map(
      ([, target]) => target ?? '',
    )
    for (const target of links) t.ok(existsSync(join(ROOT, dirname(file), target)), `${file} → ${target}`)
  }
})

test('the README lists every setting of the lab', async (t) => {
  const listed = [...readme.matchAll(/^\| `(LAB_\w+)` \|/gm)].map(([, name]) => name)
  t.strictSame([...listed].sort(), [...SETTING_NAMES].sort())
})

test('the commands that the README tells to try work as they stand', async (t) => {
  const [, commands] = /<!-- These commands are run by the tests. -->\n```sh\n([^`]+)```/.exec(readme) ?? []
  t.ok(commands)
  const ran = spawnSync('bash', ['-euo', 'pipefail', '-c', commands ?? ''], {
    cwd: ROOT,
    encoding: 'utf8',
    env: environment(),
  })
  t.equal(ran.status, 0, `${ran.stdout}${ran.stderr}`)
  t.match(ran.stdout, /Vote Successfully!(.|\n)*Vote Successfully!(.|\n)*Tea or coffee\?(.|\n)*5 of 5 nodes healthy/)
})
