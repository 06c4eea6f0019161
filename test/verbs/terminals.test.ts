// What verbs write to terminals of other sizes and kinds than most, and to files.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { widthOf } from '../../scripts/lab/visible.ts'
import { onTerminal, screenAfter } from '../screen.ts'
import { verb } from '../the-lab.ts'

const COLOUR = /\[\d[\d;]*m/
const ZX = `${process.execPath} node_modules/.bin/zx`
/** A step, and an answer. */
const BOTH = `${ZX} scripts/fault.ts heal; ${ZX} scripts/status.ts`

test('steps and answers are coloured on a terminal, unless it or its user says otherwise', async (t) => {
  const plain = await onTerminal(BOTH, { environment: { NO_COLOR: '' } })
  t.match(plain.output, COLOUR, 'NO_COLOR set to nothing is not set')
  const without = await onTerminal(BOTH, { environment: { NO_COLOR: '1' } })
  t.match(without.output, '5 of 5 nodes healthy')
  t.notMatch(without.output, COLOUR, 'NO_COLOR')
  const dumb = await onTerminal(BOTH, { environment: { TERM: 'dumb' } })
  t.match(dumb.output, '5 of 5 nodes healthy')
  t.notMatch(dumb.output, '\x1b', 'TERM=dumb')
  t.match((await verb('status', [], { NO_COLOR: '', FORCE_COLOR: '1' })).stdout, COLOUR, 'FORCE_COLOR')
})

test('no code reaches a file, also while the answer goes to a terminal', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'terminals-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'said')
  const ran = await onTerminal(`${ZX} scripts/fault.ts heal 2>'${file}'; ${ZX} scripts/status.ts`)
  t.match(ran.output, COLOUR, 'the answer')
  t.match(readFileSync(file, 'utf8'), 'Heal')
  t.notMatch(readFileSync(file, 'utf8'), '\x1b')
  await onTerminal(`${ZX} scripts/fault.ts crash nobody 2>'${file}'`)
  t.match(readFileSync(file, 'utf8'), /^✗ NO_SUCH_NODE/)
})

test('on 40 columns each step and each node is seen once, and the cursor comes back', async (t) => {
  const [columns, rows] = [40, 24]
  const { output } = await onTerminal(`${ZX} scripts/setup.ts`, { columns, rows })
  const { lines, cursor } = screenAfter(output.replaceAll(/\r?\n/g, '\r\n'), columns, rows)
  t.ok(cursor)
  const times = (start: string) => lines.filter((line) => line.startsWith(start)).length
  for (const start of ['✔ Check the machine', '✔ Start databases', '  ✔ loader', '✔ Wait until all nodes', '✓ 5 of 5'])
    t.equal(times(start), 1, lines.join('\n'))
  const from = lines.findIndex((line) => line.startsWith('db-primary  healthy'))
  const nodes = lines.slice(from, lines.indexOf('', from))
  for (const name of ['db-primary', 'db-replica', 'primary', 'backup', 'loader'])
    t.equal(nodes.filter((line) => line.startsWith(`${name}  healthy`)).length, 1, nodes.join('\n'))
  t.ok(nodes.every((line) => /^(\S| {2}(timeline|LSN|lag|slot|at) )/.test(line) && widthOf(line) <= columns))
})
