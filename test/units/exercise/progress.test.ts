import { test } from 'tap'
import { answering, checked, hinted, leave, type Progress, started } from '../../../scripts/lab/exercise/progress.ts'

const NOTHING: Progress = { learner: 'ann', current: null, exercises: {} }
const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds))

test('a solved exercise counts from the start that led to it, and stays solved when its solution is shown later', async (t) => {
  const begun = started(started(NOTHING, 'x', { poll: 1 }, false, at(0)), 'x', { poll: 2 }, false, at(60))
  const failed = checked(begun, false, at(70))
  t.match(failed.exercises['x'], { starts: 2, checks: 1, solvedAt: null, solvedBy: null, seconds: null })
  const solved = checked(hinted(failed), true, at(90))
  const record = { starts: 2, checks: 2, hints: 1, solvedBy: 'learner', seconds: 30, solvedAt: at(90).toISOString() }
  t.match(solved.exercises['x'], { ...record, firstStartedAt: at(0).toISOString() })
  const shown = checked(started(solved, 'x', {}, true, at(100)), true, at(110))
  t.match(shown.exercises['x'], { ...record, starts: 3, checks: 3 })
})

test('an exercise whose solution was shown counts as shown until the learner solves it', async (t) => {
  const shown = checked(started(NOTHING, 'x', {}, true, at(0)), true, at(10))
  t.match(shown.exercises['x'], { solvedBy: 'solution', seconds: 10 })
  const own = checked(started(shown, 'x', {}, false, at(20)), true, at(50))
  t.match(own.exercises['x'], { solvedBy: 'learner', seconds: 30 })
})

test('each start begins with the first hint again, and a lab that was left is in no exercise', async (t) => {
  const hints = hinted(hinted(started(NOTHING, 'x', {}, false)))
  t.equal(hints.current?.hints, 2)
  const again = started(hints, 'x', {}, false)
  t.equal(again.current?.hints, 0)
  t.equal(again.exercises['x']?.hints, 2)
  t.equal(leave(again).current, null)
  t.strictSame(checked(leave(again), true), leave(again))
})

test('a hint that is given after the exercise was solved does not count', async (t) => {
  const solved = checked(hinted(started(NOTHING, 'x', {}, false)), true)
  const curious = hinted(started(solved, 'x', {}, false))
  t.equal(curious.exercises['x']?.hints, 1)
  t.equal(curious.current?.hints, 1, 'it is the first of this start all the same')
})

test('an answer need not be given again before the exercise is started again', async (t) => {
  const answered = answering(started(NOTHING, 'x', {}, false), 'ann, bob')
  t.equal(answered.current?.answer, 'ann, bob')
  t.equal(answering(answered, undefined).current?.answer, 'ann, bob')
  t.equal(answering(answered, 'cid').current?.answer, 'cid')
  t.equal(started(answered, 'x', {}, false).current?.answer, undefined)
  t.strictSame(answering(NOTHING, 'ann'), NOTHING, 'in no exercise there is nothing to answer')
})
