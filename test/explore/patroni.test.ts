// What of Patroni takes longest.
import { test } from 'tap'
import { containerOf, docker, json, pollOnBoth, resetAfter, verb, voteGetsThrough } from '../patroni/patroni.ts'

test('settings are changed within what is safe, and a reset brings them back', async (t) => {
  resetAfter(t)
  t.match(await json(t, 'manager', 'set', 'ttl=30', 'failsafe_mode=true'), { ttl: 30, failsafe: true })
  const refused = [
    ['ttl=10', /PATRONI_SETTING: ttl=10 .*\n.*ttl= and a whole number from 20 on/],
    ['retry_timeout=15', /PATRONI_TIMING: loop_wait 1 \+ 2 × retry_timeout 15 is more than ttl 30/],
    ['failsafe_mode=maybe', /failsafe_mode=true or failsafe_mode=false/],
    ['wal_level=logical', /one of ttl, loop_wait/],
  ] as const
  for (const [setting, stderr] of refused)
    t.match(await verb('manager', ['set', setting]), { exit: 1, stderr }, setting)
  t.match((await json(t, 'manager', 'show')).settings, { ttl: 30 })
  t.equal((await verb('reset')).exit, 0)
  t.match(await json(t, 'manager', 'show'), { ttl: 20, failsafe: false, leader: 'db-primary' })
})

test('in a pause nobody is promoted by itself, status says so, and failover promotes by order', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  t.match(await json(t, 'manager', 'pause'), { paused: true })
  t.match((await verb('status')).stdout, /Patroni is paused.*manager\.ts resume/)
  await docker('kill', containerOf('db-primary'))
  t.match(await json(t, 'failover'), { promoted: /db-replica/ })
  await voteGetsThrough(t, poll, 'ann')
  t.match(await json(t, 'manager', 'resume'), { paused: false })
})
