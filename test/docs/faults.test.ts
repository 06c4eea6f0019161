import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { KINDS } from '../../scripts/lab/faults/kinds.ts'

const page = await readFile(join(import.meta.dirname, '../../docs/faults.md'), 'utf8')

test('the page lists every kind of fault, in the words of the code', async (t) => {
  const rows = page.split('\n').filter((line) => line.startsWith('| `'))
  const expected = KINDS.map(({ name, does, fits, hasPeers, options }) => {
    const flags = Object.keys(options).map((option) => `\`--${option}\``)
    return `| \`${name}\` | ${does} | ${fits} | ${[...(hasPeers ? ['peers'] : []), ...flags].join(', ')} |`
  })
  t.strictSame(rows, expected)
})
