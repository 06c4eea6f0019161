import { test } from 'tap'
import { freePortOffset } from '../../scripts/lab/topology/free-ports.ts'
import { json } from '../recovery/scene.ts'
import { failureOf, resetAfter, verb } from '../the-lab.ts'

test('two labs side by side do not see each other’s repository', async (t) => {
  resetAfter(t)
  const other = { LAB_NAME: `beside-${process.pid}`, LAB_PORT_OFFSET: String(await freePortOffset()) }
  t.teardown(() => verb('teardown', [], other))
  const setUp = await verb('setup', [], other)
  t.equal(setUp.exit, 0, failureOf(setUp))
  const there = async (...args: readonly string[]) =>
    JSON.parse((await verb('backup', [...args, '--json'], other)).stdout)
  await json(t, 'backup')
  t.match(await there('list'), { on: false, backups: { length: 0 }, segments: { length: 0 } })
  await there()
  await there('mark', 'there')
  t.match(await json(t, 'backup', 'list'), { on: true, backups: { length: 1 }, marks: { length: 0 } })
  t.equal((await verb('reset', [], other)).exit, 0)
  t.match(await verb('backup', ['check']), { exit: 0 })
})
