import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { PORTS } from '../../scripts/lab/settings.ts'

const ROOT = join(import.meta.dirname, '../..')
const textOf = (file: string): Promise<string> => readFile(join(ROOT, file), 'utf8')
const page = await textOf('docs/machine.md')
const table = JSON.parse(await textOf('vm/settings.json'))

test('the page lists every variable that the Vagrantfile reads, and no other', async (t) => {
  const read = new Set<string>(table.guestSettings)
  for await (const file of glob('{Vagrantfile,vm/host/*.rb}', { cwd: ROOT }))
    for (const [name] of (await textOf(file)).matchAll(/\bLAB_[A-Z_]+/g)) read.add(name)
  const listed = [...page.matchAll(/^\| `(LAB_\w+)` \|/gm)].map(([, name]) => name)
  t.strictSame([...listed].sort(), [...read].sort())
})

test('what the page says of sizes, ports and the box is what is set', async (t) => {
  const defaultOf = (name: string) => new RegExp(`^\\| \`${name}\` \\| ([^|]+) \\|`, 'm').exec(page)?.[1]
  t.equal(defaultOf('LAB_CPUS'), `${table.cpus}; ${table.emulatedCpus} where it is emulated`)
  t.equal(defaultOf('LAB_MEMORY'), String(table.memoryMiB))
  for (const port of Object.values(PORTS)) t.match(page, new RegExp(`\\b${port}\\b`), `port ${port}`)
  const lastDay = new Date(table.publicBox.until).toLocaleDateString('en-GB', { dateStyle: 'long', timeZone: 'UTC' })
  t.match(page.replaceAll('\n', ' '), `\`${table.publicBox.name}\`, whose registry serves until ${lastDay}`)
})
