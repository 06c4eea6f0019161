import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'tap'
import { until } from '../../scripts/lab/wait.ts'
import { addressOf, failureOf, lab, patience, sql, startVerb, verb } from '../the-lab.ts'

test('a person creates a poll, votes, is told of a duplicate, sees the results and closes it', async (t) => {
  const created = await verb('poll', ['create', 'Tea or coffee?', 'Tea', 'Coffee'])
  t.equal(created.exit, 0, failureOf(created))
  const uuid = created.stdout.trim()
  for (const user of ['ann', 'bob', 'cid']) {
    const voted = await verb('poll', ['vote', uuid, user === 'cid' ? 'Tea' : 'Coffee', '--user', user])
    t.match(voted, { exit: 0, stdout: /Vote Successfully!/ })
  }
  t.match(await verb('poll', ['vote', uuid, 'Tea', '--user', 'ann']), { exit: 1, stdout: /duplicate_vote/ })
  await until('three votes', { seconds: 5, patience }, async () => {
    const seen = await verb('poll', ['results', uuid])
    return /Coffee +█+ 2\n/.test(seen.stdout) && /3 votes/.test(seen.stdout)
      ? { done: undefined }
      : { seen: seen.stdout }
  })
  t.match(await verb('poll', ['close', uuid]), { exit: 0, stdout: /close/ })
  t.match(await verb('poll', ['vote', uuid, 'Tea', '--user', 'dan']), { exit: 1, stdout: /Poll Closed/ })
  await until('the closed poll in the list', { seconds: 5, patience }, async () => {
    const listed = await verb('poll', ['list', '--json'])
    const found = JSON.parse(listed.stdout).find((poll: { uuid: string }) => poll.uuid === uuid)
    return found?.status === 'close' ? { done: undefined } : { seen: listed.stdout }
  })
  t.equal(await sql('db-primary', `select count(*) from vote where poll_id = '${uuid}'`), '3')
})

test('a followed poll prints one line a change and ends when the poll is closed', async (t) => {
  const created = await verb('poll', ['create', 'Live?', 'Tea', 'Coffee'])
  const uuid = created.stdout.trim()
  const lines = startVerb('poll', ['follow', uuid])
  const objects = startVerb('poll', ['follow', uuid, '--json'])
  t.teardown(() => [lines, objects].map(({ child }) => child.kill()))
  const printed: string[] = []
  lines.child.stdout.on('data', (chunk) => printed.push(...String(chunk).trim().split('\n')))
  const prints = (count: number) =>
    until(`${count} lines`, { seconds: 20, patience }, async () =>
      printed.length >= count ? { done: undefined } : { seen: printed.join('; ') },
    )
  await prints(1)
  await verb('poll', ['vote', uuid, 'Tea', '--user', 'ann'])
  await prints(2)
  await verb('poll', ['close', uuid])
  const ran = await lines.ended
  t.equal(ran.exit, 0, failureOf(ran))
  t.match(ran.stdout, /^\S+ {2}Tea 0 {2}Coffee 0\n\S+ {2}Tea 1 {2}Coffee 0\n$/)
  t.equal(ran.stderr, 'closed\n')
  const last = JSON.parse((await objects.ended).stdout.trim().split('\n').at(-1) ?? '')
  t.same(last, { uuid, poll_questions: 'Live?', results: { Tea: 1, Coffee: 0 } })
})

test('an option of any name counts, keeps its place and is shown by every view', async (t) => {
  const options = ['10', '__proto__', '2', 'constructor', 'toString', '1', 'hasOwnProperty']
  const uuid = (await verb('poll', ['create', 'Names?', ...options])).stdout.trim()
  for (const option of ['__proto__', 'constructor', '2'])
    t.match(await verb('poll', ['vote', uuid, option, '--user', option]), { exit: 0 }, option)
  await verb('poll', ['close', uuid])
  const votes = options.map((option) => [option, ['__proto__', 'constructor', '2'].includes(option) ? 1 : 0] as const)
  // Until backup's database has replayed all of it.
  await until('the three votes', { seconds: 5, patience }, async () => {
    const { stdout } = await verb('poll', ['results', uuid, '--at', addressOf('backup')])
    return stdout.includes('3 votes') ? { done: undefined } : { seen: stdout }
  })
  const bars = votes.map(([option, count]) => `  ${option.padEnd(14)}  ${count ? '█'.repeat(30) : ''} ${count}`)
  t.equal((await verb('poll', ['results', uuid])).stdout, ['Names?', ...bars, '  3 votes', ''].join('\n'))
  const line = votes.map(([option, count]) => `${option} ${count}`).join('  ')
  t.match((await verb('poll', ['follow', uuid])).stdout, `  ${line}\n`)
  const inOrder = `{${votes.map(([option, count]) => `"${option}":${count}`).join(',')}}`
  t.match((await verb('poll', ['follow', uuid, '--json'])).stdout, `"results":${inOrder}`)
  const asked = (await verb('poll', ['results', uuid, '--json'])).stdout
  t.ok(Object.hasOwn(JSON.parse(asked).results, '__proto__'), asked)
  t.match(asked.replaceAll(/\s/g, ''), `"results":${inOrder}`)
})

test('a mistake is answered with what was wrong and what to do', async (t) => {
  t.match(await verb('poll', ['results', 'nonsense']), {
    exit: 1,
    stderr: /INVALID_ARGUMENT.*uuid(.|\n)*→ correct the field/,
  })
  t.match(await verb('poll', ['create', 'Only one?', 'a']), { exit: 1, stderr: /INVALID_ARGUMENT.*options/ })
  t.match(await verb('poll', ['vote']), { exit: 2, stderr: /missing required argument/ })
  t.match(await verb('poll', ['dance']), { exit: 2 })
  t.match(await verb('poll', ['list'], { LAB_PORT_OFFSET: '14000' }), {
    exit: 1,
    stderr: /UNAVAILABLE(.|\n)*→ .*status/,
  })
})

test('every verb explains itself', async (t) => {
  for (const name of ['setup', 'teardown', 'reset', 'status', 'poll', 'bench'])
    t.match(await verb(name, ['--help']), { exit: 0, stdout: new RegExp(`Usage: zx scripts/${name}.ts`) })
})

test('psql on the published port needs no password typed', async (t) => {
  const port = String(lab.databases[0]?.publishedPort)
  const child = spawn('psql', [
    '-w',
    '-h',
    'localhost',
    '-p',
    port,
    '-U',
    'owner',
    '-XAtc',
    'select current_user',
    'polling',
  ])
  let out = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      out += chunk
    })
  const [exit] = await once(child, 'close')
  t.equal(exit, 0, out)
  t.equal(out.trim(), 'owner')
})
