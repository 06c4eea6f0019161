import { spawnSync } from 'node:child_process'
import { test } from 'tap'
import { endAtDeadline, makeCall } from '../../../server/call.ts'

test('a call whose deadline has passed ends at once, and Node has nothing to warn of', async (t) => {
  const warnings: Error[] = []
  const note = (warning: Error) => warnings.push(warning)
  process.on('warning', note)
  t.teardown(() => process.off('warning', note))
  const call = makeCall(Date.now() - 5)
  clearTimeout(endAtDeadline(call))
  t.equal(call.ended, 'deadline')
  // Warnings are emitted on the next tick.
  await new Promise((resolve) => setImmediate(resolve))
  t.strictSame(warnings, [])
})

test('a call ends at its deadline, not before', async (t) => {
  const call = makeCall(Date.now() + 30)
  const ended = new Promise<number>((resolve) => {
    call.abort = () => resolve(Date.now())
  })
  endAtDeadline(call)
  t.equal(call.ended, undefined)
  t.ok((await ended) >= call.deadline - 1, 'at its deadline')
})

test('a warning of Node is a line of the log, not plain text', async (t) => {
  const warn = `
    import { logWarnings, makeLog } from '${new URL('../../../server/log.ts', import.meta.url)}'
    logWarnings(makeLog('primary', 'info'))
    setTimeout(() => {}, -5)
  `
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', warn], { encoding: 'utf8' })
  t.equal(stderr, '')
  t.match(JSON.parse(stdout), { level: 'warn', node: 'primary', cause: /TimeoutNegativeWarning/ })
})
