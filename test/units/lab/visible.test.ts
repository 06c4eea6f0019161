import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { test } from 'tap'
import type { PollResponse } from '../../../proto/gen/polling.ts'
import { labError } from '../../../scripts/lab/errors.ts'
import { faultLines } from '../../../scripts/lab/faults/kinds.ts'
import { checkView } from '../../../scripts/lab/terminal/exercise-view.ts'
import { lostVotesLines } from '../../../scripts/lab/terminal/failover-view.ts'
import { pollLine, resultBars } from '../../../scripts/lab/terminal/poll-view.ts'
import { asJson, padded, visible, visibleLines, widthOf } from '../../../scripts/lab/visible.ts'

/** What a terminal obeys, or what changes how the rest is read: controls, bidirectional overrides, what has no width. */
const OBEYED =
  /[\p{Cc}\u00ad\u061c\u180e\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\u{e0001}-\u{e007f}]/u
const NASTY = [
  '\x1b[2J',
  '\x1b]0;title\x07',
  '\x1b]8;;http://x\x1b\\',
  '\x9b31m',
  '\x9d',
  '\r',
  '\n',
  '\t',
  '\b',
  '\x7f',
  '\u202e',
  '\u2066',
  '\u200b',
  '\u2028',
  '\ufeff',
  '\ud800',
  '\u{e0041}',
]
const text = fc
  .array(
    fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: 'binary', maxLength: 8 }), fc.string({ unit: 'grapheme' })),
  )
  .map((parts) => parts.join(''))

test('of a text by others, no character is shown that a terminal obeys or that is invisible', async (t) => {
  fc.assert(
    fc.property(text, (it) => !OBEYED.test(visible(it)) && !/\p{Cs}/u.test(visible(it))),
    { numRuns: 2000 },
  )
  fc.assert(fc.property(text, (it) => !OBEYED.test(visibleLines(it).replaceAll(/[\n\t]/g, ''))))
  t.equal(visible('a\x1b[31mb\u202ec\nd\u{e0041}'), 'a\\u001b[31mb\\u202ec\\u000ad\\u{e0041}')
  t.equal(visibleLines('one\r\ntwo\tthree\x07'), 'one\ntwo\tthree\\u0007')
})

test('text that people write is shown as it is', async (t) => {
  for (const it of ['Tee oder Kaffee?', '茶かコーヒー', 'שלום', 'हिन्दी', 'é e\u0301', '👩🏽‍🚀 👨‍👩‍👧 ❤️‍🔥 🏳️‍🌈 1️⃣ 🇩🇪'])
    t.equal(visible(it), it)
})

test('JSON of any text means that text, and a terminal obeys nothing in it', async (t) => {
  fc.assert(
    fc.property(fc.dictionary(text, fc.oneof(text, fc.array(text))), fc.constantFrom(undefined, 2), (value, indent) => {
      const written = asJson(value, indent)
      t.same(JSON.parse(written), JSON.parse(JSON.stringify(value)))
      return !OBEYED.test(written.replaceAll('\n', ''))
    }),
  )
})

test('every view keeps the texts of users on one line of their own', async (t) => {
  const poll: Omit<PollResponse, 'poll_questions' | 'options'> = { uuid: 'u', status: 'open', create_at_time: 'now' }
  fc.assert(
    fc.property(text, text, (one, other) => {
      const views: readonly [string, number][] = [
        [pollLine({ ...poll, poll_questions: one, options: [other, one] }), 1],
        [resultBars({ uuid: 'u', poll_questions: one, results: new Map([[`x${other}`, 1]]) }), 3],
        [lostVotesLines([{ poll: 'p', question: one, user: other, option: one, at: 'now' }]).join('\n'), 2],
        [faultLines([{ kind: 'slot', node: 'db-primary', peer: null, way: null, detail: one }]).join('\n'), 1],
        [labError('POLLS_AT_STAKE', { polls: visible(one) }).message, 1],
      ]
      for (const [view, lines] of views) {
        const shown = stripVTControlCharacters(view)
        t.equal(shown.split('\n').length, lines, JSON.stringify(view))
        t.notMatch(shown.replaceAll('\n', ''), OBEYED)
      }
    }),
    { numRuns: 50 },
  )
  const finding = { expected: 'x', ok: false, seen: 'a\x1b[2Jb\nc', where: 'w' }
  const entry = { number: 1, title: 't', answers: '' }
  const checked = { entry, passed: false, findings: [finding], next: undefined }
  t.match(checkView(checked as unknown as Parameters<typeof checkView>[0]), 'a\\u001b[2Jb\\u000ac')
})

test('an error shows what was seen, and obeys none of it', async (t) => {
  fc.assert(
    fc.property(text, (seen) => {
      const { message, details, fix } = labError('CALL_FAILED', { call: 'x', status: 'y', details: seen, advice: seen })
      return !OBEYED.test([message, details, fix].join('').replaceAll(/[\n\t]/g, ''))
    }),
  )
  t.pass()
})

test('columns are counted as terminals do', async (t) => {
  t.strictSame(['abc', '茶', 'コーヒー', 'e\u0301', '👩🏽‍🚀', '1️⃣', '가'].map(widthOf), [3, 2, 8, 1, 2, 2, 2])
  t.equal(padded('茶', 4), '茶  ')
  t.equal(padded('long', 2), 'long')
})
