import { test } from 'tap'
import { endAsPrimary } from '../../../exercises/08-switch-over-under-load/shutdown.ts'

const log = (...lines: readonly string[]) =>
  lines.map((line) => `2026-11-26 09:03:23.403 UTC [1] LOG:  ${line}\n`).join('')

const START = 'starting PostgreSQL 17.12 (Debian 17.12-0+deb13u1) on x86_64-pc-linux-gnu'
const CLEAN = ['received fast shutdown request', 'shutting down', 'database system is shut down']
const UP = 'database system is ready to accept connections'
const STANDBY = ['entering standby mode', 'database system is ready to accept read-only connections']

test('a primary that was shut down in order was not killed, whatever it says when it begins as a standby', async (t) => {
  t.equal(endAsPrimary(log(...CLEAN)), 'clean')
  t.equal(endAsPrimary(log(...CLEAN, START, 'database system was shut down at 2026-11-26', ...STANDBY)), 'clean')
  // After a rewind or a copy.
  const interrupted = 'database system was interrupted; last known up at 2026-11-26 09:03:33 UTC'
  t.equal(endAsPrimary(log(...CLEAN, START, interrupted, ...STANDBY)), 'clean')
  t.equal(
    endAsPrimary(log(...CLEAN, START, ...STANDBY, START, interrupted, ...STANDBY)),
    'clean',
    'killed as a standby',
  )
  t.equal(endAsPrimary(log(...CLEAN, START, UP, ...CLEAN)), 'clean')
})

test('a primary that ended without a shutdown was killed, also if an earlier end was in order', async (t) => {
  const recovered = 'database system was not properly shut down; automatic recovery in progress'
  t.equal(endAsPrimary(log(START, ...STANDBY)), 'killed')
  t.equal(endAsPrimary(log(...CLEAN, START, UP, START, ...STANDBY)), 'killed')
  t.equal(endAsPrimary(log(START, recovered, UP, ...CLEAN)), 'killed')
  t.equal(endAsPrimary(log(UP)), undefined)
  t.equal(endAsPrimary(''), undefined)
})
