import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import type { ProbeAnswer } from '../../../server/cluster/probe.ts'
import { type ClusterView, makeView } from '../../../server/cluster/view.ts'
import { makeLog } from '../../../server/log.ts'

const WITHIN_MS = 5000
const TIMEOUT = new Error('timeout expired')
const REFUSED = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })

type Answer = ProbeAnswer | Error | Promise<ProbeAnswer>
const primary = (timeline: number, born = 1): ProbeAnswer => ({ inRecovery: false, timeline, lsn: '0/1', born })
const standby = (timeline: number, born = 1): ProbeAnswer => ({ inRecovery: true, timeline, lsn: '0/1', born })

/** A view of nodes a (local) and b that answer probes with whatever stands in `answers`. */
function viewOf(t: Test, answers: { a: Answer; b: Answer }, patience = 1) {
  const asked = { a: 0, b: 0 }
  const probe = (name: 'a' | 'b') => ({
    async ask() {
      asked[name] += 1
      const answer = await answers[name]
      if (answer instanceof Error) throw answer
      return answer
    },
    close: async () => {},
  })
  const view = makeView(
    new Map([
      ['a', probe('a')],
      ['b', probe('b')],
    ]),
    'a',
    makeLog('test', 'fatal'),
    patience,
  )
  t.teardown(() => view.stop())
  view.start()
  return { view, asked }
}

async function becomes(view: ClusterView, writable: string | undefined): Promise<boolean> {
  const deadline = performance.now() + WITHIN_MS
  while (view.writable() !== writable) {
    if (performance.now() > deadline) return false
    await sleep(5)
  }
  return true
}

test('nothing is believed before every database has been asked', async (t) => {
  let answerB = (_answer: ProbeAnswer): void => {}
  const late = new Promise<ProbeAnswer>((resolve) => {
    answerB = resolve
  })
  const { view, asked } = viewOf(t, { a: primary(1), b: late })
  const deadline = performance.now() + WITHIN_MS
  while (asked.a < 2 && performance.now() < deadline) await sleep(5)
  t.ok(asked.a >= 2, 'a has been asked twice')
  t.equal(view.writable(), undefined, 'a may have been left behind')
  answerB(primary(2))
  t.ok(await becomes(view, 'b'))
})

test('while a call waits, a promotion is seen without the usual pause', async (t) => {
  const hangs = new Promise<ProbeAnswer>(() => {})
  const answers: { a: Answer; b: Answer } = { a: primary(1), b: standby(1) }
  // The pause between two probes is four minutes.
  const { view, asked } = viewOf(t, answers, 1000)
  t.ok(await becomes(view, 'a'))
  answers.a = hangs
  const waits = view.refresh()
  const before = asked.b
  const deadline = performance.now() + WITHIN_MS
  while (asked.b < before + 3 && performance.now() < deadline) await sleep(5)
  t.ok(asked.b >= before + 3, `b was asked ${asked.b - before} times`)
  answers.b = primary(2)
  t.ok(await becomes(view, 'b'))
  await waits
})

test('writes follow a promotion, and tell who listens', async (t) => {
  const answers: { a: Answer; b: Answer } = { a: primary(1), b: standby(1) }
  const { view } = viewOf(t, answers)
  t.ok(await becomes(view, 'a'))
  const moves: (string | undefined)[] = []
  view.onChange(({ writable }) => moves.push(writable))
  answers.a = REFUSED
  answers.b = primary(2)
  t.ok(await becomes(view, 'b'))
  t.equal(moves.at(-1), 'b')
  answers.a = primary(1)
  await view.refresh()
  t.equal(view.writable(), 'b', 'the old primary that comes back is not written to')
  t.equal(view.readable(), 'b', 'nor read from')
  answers.b = REFUSED
  t.ok(await becomes(view, undefined), 'not even when the new one is gone')
})

test('one timeout does not take writes away; a refusal does at once', async (t) => {
  const answers: { a: Answer; b: Answer } = { a: primary(1), b: standby(1) }
  const { view, asked } = viewOf(t, answers)
  t.ok(await becomes(view, 'a'))
  const before = asked.a
  answers.a = TIMEOUT
  const deadline = performance.now() + WITHIN_MS
  while (asked.a === before && performance.now() < deadline) await sleep(1)
  answers.a = primary(1)
  await view.refresh()
  t.equal(view.writable(), 'a')
  answers.a = REFUSED
  await view.refresh()
  await becomes(view, undefined)
  t.equal(view.writable(), undefined)
  t.match(view.reason(), /a is unreachable \(connect ECONNREFUSED\); b is in recovery/)
})

test('a refresh asks the databases again, even if they were asked a moment ago', async (t) => {
  const answers: { a: Answer; b: Answer } = { a: standby(1), b: standby(1) }
  const { view } = viewOf(t, answers)
  await view.refresh()
  answers.b = primary(2)
  await view.refresh()
  t.equal(view.writable(), 'b')
})

test('data that began later counts whatever its timeline is; data from before it takes no writes', async (t) => {
  const answers: { a: Answer; b: Answer } = { a: standby(3), b: primary(3) }
  const { view } = viewOf(t, answers)
  t.ok(await becomes(view, 'b'))
  answers.a = primary(1, 2)
  t.ok(await becomes(view, 'a'), view.reason())
  t.equal(view.readable(), 'a')
  answers.a = REFUSED
  t.ok(await becomes(view, undefined), 'b, which answers, is from before the reset')
  t.match(view.reason(), /b is a primary on timeline 0, left behind by timeline 1/)
  answers.a = primary(1, 2)
  answers.b = standby(1, 2)
  t.ok(await becomes(view, 'a'))
})
