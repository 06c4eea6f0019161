// Options whose names mean something to JavaScript, from the database's row to what a person sees.
import { deepStrictEqual } from 'node:assert'
import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { test } from 'tap'
import { PollResultResponse } from '../../../proto/gen/polling.ts'
import { resultBars } from '../../../scripts/lab/terminal/poll-view.ts'
import { asJson, visible } from '../../../scripts/lab/visible.ts'
import { resultMessage } from '../../../server/rpc/result-message.ts'

const MEANT = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'valueOf',
  '10',
  '2',
  '1',
  '-1',
  '1.5',
  '01',
  '',
]
const name = fc.oneof(fc.constantFrom(...MEANT), fc.string({ unit: 'grapheme' }), fc.nat().map(String))
const tally = fc
  .uniqueArray(fc.tuple(name, fc.nat(1000)), { selector: ([option]) => option, minLength: 1, maxLength: 12 })
  .map((rows) => ({
    id: 'u',
    question: 'q',
    options: rows.map(([option]) => option),
    votes: rows.map(([, votes]) => votes),
  }))

test('an option of any name keeps its votes and its place on the wire, in bars and in JSON', async (t) => {
  fc.assert(
    fc.property(tally, fc.constantFrom(undefined, 2), (it, indent) => {
      const received = PollResultResponse.decode(PollResultResponse.encode(resultMessage(it)).finish())
      const rows = it.options.map((option, index) => [option, it.votes[index]] as const)
      deepStrictEqual([...received.results], rows)

      const bars = stripVTControlCharacters(resultBars(received)).split('\n').slice(1, -1)
      for (const [index, [option, votes]] of rows.entries())
        deepStrictEqual(
          [bars[index]?.startsWith(`  ${visible(option)}`), bars[index]?.endsWith(` ${votes}`)],
          [true, true],
        )

      const json = asJson(received.results, indent)
      deepStrictEqual(JSON.parse(json), Object.fromEntries(rows))
      const places = it.options.map((option) => json.search(`[{, ]${RegExp.escape(asJson(option))}:`))
      deepStrictEqual(
        places,
        places.toSorted((a, b) => a - b),
        'in the order of the poll',
      )
    }),
  )
  t.pass()
})
