import { readFile, writeFile } from 'node:fs/promises'
import { after, test } from 'tap'
import { attempt } from '../../scripts/lab/docker/command.ts'
import { progressFile } from '../../scripts/lab/exercise/progress.ts'
import { failureOf, lab, patience, startVerb, verb } from '../the-lab.ts'

const exercise = (...args: readonly string[]) => verb('exercise', args)
const poll = (...args: readonly string[]) => verb('poll', args)

// The last exercise leaves the lab with a dead primary.
after(() => exercise('reset', '--discard'))

test('a learner goes from the list to the next exercise, and the progress is kept', async (t) => {
  t.equal((await exercise('reset', '--progress', '--discard')).exit, 0)
  const nothing = await exercise('check')
  t.equal(nothing.exit, 1)
  t.match(nothing.stderr, /NO_EXERCISE: .*\n.*exercise\.ts start 1/)
  t.match((await exercise('list')).stdout, /0 of \d+ solved\n.*start 1/)

  const started = await exercise('start', '1')
  t.equal(started.exit, 0, failureOf(started))
  t.match(started.stdout, /Situation(.|\n)*Task(.|\n)*Think(.|\n)*Given/)
  t.notMatch(started.stderr, /docker/, 'how the situation is brought about is not told')
  const id = /[0-9a-f-]{36}/.exec(started.stdout)?.[0] ?? ''

  const early = await exercise('check')
  t.equal(early.exit, 1)
  t.match(early.stdout, /✗ expected {2}.*\n {2}seen {6}.*\n {2}look at {3}/)
  t.match((await exercise('hint')).stdout, /Hint 1 of 3/)
  t.match((await exercise('hint')).stdout, /Hint 2 of 3/)
  for (const [user, option] of Object.entries({ ann: 'Roof', bob: 'Garden', cid: 'Roof' }))
    t.equal((await poll('vote', id, option, '--user', user)).exit, 0)
  const half = JSON.parse((await exercise('check', '--json')).stdout)
  t.match(half, { exercise: '01-votes-on-the-replica', passed: false })
  t.strictSame(
    half.findings.map(({ ok }: { ok: boolean }) => ok),
    [false, true, true, true],
  )

  const shown = await exercise('solve')
  t.equal(shown.exit, 0, failureOf(shown))
  t.match(shown.stdout, /\$ zx scripts\/poll\.ts vote(.|\n)*\$ docker exec(.|\n)*solved(.|\n)*start 2/)
  const { learner, exercises } = JSON.parse((await exercise('list', '--json')).stdout)
  t.type(learner, 'string')
  t.match(exercises[0], { number: 1, starts: 2, checks: 3, hints: 2, solvedBy: 'solution' })
  t.equal(exercises[1].solvedAt, null)
  t.match((await exercise('list')).stdout, /○ {2}1 .*its solution was shown(.|\n)*→ .*start 1/)
})

test('polls of the learner are deleted only with --discard, polls of the exercise without it', async (t) => {
  t.equal((await poll('create', 'My own?', 'a', 'b')).exit, 0)
  for (const args of [['start', '1'], ['reset']]) {
    const refused = await exercise(...args)
    t.equal(refused.exit, 1)
    t.match(refused.stderr, /POLLS_AT_STAKE: .*"My own\?"\n.*--discard/)
  }
  t.match((await poll('list')).stdout, /My own\?/, 'it is still there')
  const started = await exercise('start', '1', '--discard')
  t.equal(started.exit, 0, failureOf(started))
  const next = await exercise('start', '6')
  t.equal(next.exit, 0, failureOf(next))
})

test('after an interrupted start the lab is in no exercise; the next start works, even if no database is there', async (t) => {
  const { child, ended } = startVerb('exercise', ['start', '3'])
  child.stderr.on('data', (chunk) => {
    if (String(chunk).includes('bringing the lab')) setTimeout(() => child.kill('SIGINT'), 500 * patience)
  })
  const cut = await ended
  t.equal(cut.exit, 130, failureOf(cut))
  t.match((await exercise('check')).stderr, /NO_EXERCISE/)
  const started = await exercise('start', '3', '--discard')
  t.equal(started.exit, 0, failureOf(started))
  for (const name of ['db-primary', 'db-replica']) await verb('fault', ['crash', name])
  const again = await exercise('start', '1')
  t.equal(again.exit, 0, failureOf(again))
  t.match(again.stderr, /no database answers: polls that you have made .* are deleted unseen/)
})

test('an exercise starts also if somebody took a node off the network', async (t) => {
  const [primary] = lab.databases
  await attempt(['network', 'disconnect', lab.network, primary?.container ?? ''])
  const started = await exercise('start', '1')
  t.equal(started.exit, 0, failureOf(started))
})

test('a wrong word is named, with what to do', async (t) => {
  t.match((await exercise('start', '99')).stderr, /NO_SUCH_EXERCISE: there is no exercise 99.*\n.*1 to \d+/)
  t.match((await exercise('verify', 'nothing')).stderr, /NO_SUCH_EXERCISE/)
  t.equal((await exercise('verify', '--runs', '0')).exit, 2)
  t.match(await exercise('strat', '1'), { exit: 2, stderr: /unknown command 'strat'/ })
  const file = progressFile(lab)
  const kept = await readFile(file, 'utf8')
  for (const broken of ['{', '{"learner": 1}']) {
    await writeFile(file, broken)
    t.match((await exercise('list')).stderr, /PROGRESS_BROKEN: .*progress\.json(.|\n)*remove it/)
  }
  await writeFile(file, kept)
  const reset = await exercise('reset', '--progress')
  t.equal(reset.exit, 0, failureOf(reset))
  t.match(JSON.parse(await readFile(file, 'utf8')), { current: null, exercises: {} })
})

test('an exercise that is named is the one that is meant, and an answer is told when it is used again', async (t) => {
  const solved = await exercise('solve', '3', '--discard')
  t.equal(solved.exit, 0, failureOf(solved))
  t.match(solved.stdout, /3\. A server is dead.*: solved/)
  for (const what of ['check', 'hint']) {
    t.match((await exercise(what, '6')).stderr, /OTHER_EXERCISE: .*03-a-dead-server.*06-.*\n.*start 6, or .* without 6/)
    t.equal((await exercise(what, '3')).exit, 0)
  }
  const started = await exercise('start', '6', '--discard')
  t.equal(started.exit, 0, failureOf(started))
  t.notMatch((await exercise('check', '--answer', 'dora')).stdout, /Your answer is still/)
  t.match((await exercise('check')).stdout, /Your answer is still "dora", from an earlier check/)
})
