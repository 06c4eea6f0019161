import { test } from 'tap'
import { failureOf, verb } from '../the-lab.ts'

const exercise = (...args: readonly string[]) => verb('exercise', args)

test('an exercise brings the lab to the number of standbys that it needs, says so, and leaves it with those that it had', async (t) => {
  t.teardown(() => verb('setup', [], { LAB_STANDBYS: '1' }))
  const more = await exercise('start', '15', '--discard')
  t.equal(more.exit, 0, failureOf(more))
  t.match(more.stderr, /this exercise needs 2 standbys, and the lab has one standby: setup changes that/)
  // Nobody has to type a LAB_STANDBYS.
  t.match((await exercise('check')).stdout, /expected {2}db-replica-2 is a standby that streams.*\n {2}seen/)
  const fewer = await exercise('start', '1')
  t.equal(fewer.exit, 0, failureOf(fewer))
  t.match(fewer.stderr, /this exercise needs one standby, and the lab has 2 standbys: setup changes that/)
  t.match((await verb('status')).stdout, /5 of 5 nodes healthy/)
  t.equal((await exercise('start', '14', '--discard')).exit, 0)
  t.match((await exercise('reset', '--discard')).stderr, /the lab had one standby before: setup brings it back to that/)
  t.match((await verb('status')).stdout, /5 of 5 nodes healthy/)
})
