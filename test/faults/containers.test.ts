import { test } from 'tap'
import { attempt } from '../../scripts/lab/docker/command.ts'
import { broken, connection, fault, faults, healed } from '../faults.ts'
import { containerOf, docker, logsOf, verb } from '../the-lab.ts'

const stateOf = (name: 'db-primary' | 'backup') =>
  docker('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', containerOf(name))

test('crash kills a database without a shutdown; it stays down, and heal starts it', async (t) => {
  await broken(t, 'crash', 'db-primary')
  t.equal(await stateOf('db-primary'), 'exited 137')
  t.notMatch(await logsOf(containerOf('db-primary')), /database system is shut down\s*$/)
  t.match(await faults('crash', 'db-primary'), [{ kind: 'crash', node: 'db-primary' }])
  t.match((await verb('status')).stdout, /faults in force: crash db-primary/)
  t.equal((await fault('crash', 'db-primary')).exit, 0, 'it is so already')
  t.match((await fault('stop', 'db-primary')).stderr, /FAULT_STATE: stop .* db-primary.* exited/)
  await healed(t, 'crash')
  t.match(await stateOf('db-primary'), 'running')
  t.match(await logsOf(containerOf('db-primary')), /not properly shut down; automatic recovery/)
})

test('stop shuts a server down in order; it stays down, and heal starts it', async (t) => {
  await broken(t, 'stop', 'backup')
  t.equal(await stateOf('backup'), 'exited 0')
  t.equal(await stateOf('db-primary'), 'running 0', 'no other node is touched')
  t.match(await faults('stop', 'backup'), [{ kind: 'stop', node: 'backup' }])
  await healed(t, 'stop')
  t.equal(await stateOf('backup'), 'running 0')
})

test('freeze leaves a database that accepts connections and answers nothing; heal thaws it', async (t) => {
  await broken(t, 'freeze', 'db-primary')
  t.equal(await connection('db-replica', 'db-primary'), 'open')
  const ready = ['exec', containerOf('db-replica'), 'pg_isready', '-h', 'db-primary', '-t', '1']
  t.match(await attempt(ready), { exit: 2, stdout: /no response/ })
  t.match(await faults('freeze', 'db-primary'), [{ kind: 'freeze', node: 'db-primary' }])
  await healed(t, 'freeze')
  t.match(await attempt(ready), { exit: 0, stdout: /accepting connections/ })
})
