// How verbs end: when their reader leaves, and when they are told to.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { test } from 'tap'
import { until } from '../../scripts/lab/wait.ts'
import { faults } from '../faults.ts'
import { docker, failureOf, lab, patience, startVerb, verb } from '../the-lab.ts'

/** Runs a line of bash in which `$zx` starts a verb; ended by force when it takes longer than those seconds. */
async function bash(line: string, seconds = 30) {
  const child = spawn('bash', ['-c', line], {
    env: { ...process.env, zx: `${process.execPath} node_modules/.bin/zx` },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: seconds * patience * 1000,
    killSignal: 'SIGKILL',
  })
  const [stdout, stderr, [exit]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { exit, stdout, stderr }
}

const newPoll = async (): Promise<string> => (await verb('poll', ['create', 'Read by few?', 'a', 'b'])).stdout.trim()

test('a verb whose reader leaves ends without a word, with its usual exit code', async (t) => {
  const poll = await newPoll()
  const lines = [
    'status --watch 600',
    'status',
    'status --json',
    'poll list',
    'poll list --json',
    `poll follow ${poll}`,
    `poll follow ${poll} --json`,
    'failover --watch',
  ]
  for (const line of lines) {
    const [name, ...args] = line.split(' ')
    const ran = await bash(`$zx scripts/${name}.ts ${args.join(' ')} | head -1; echo "exit \${PIPESTATUS[0]}"`)
    t.equal(ran.exit, 0, line)
    t.match(ran.stdout, /^.+\nexit 0\n$/, line)
    t.equal(ran.stderr, '', line)
  }
})

test('a verb that changes something goes on when nobody reads its output', async (t) => {
  const node = lab.servers[1]?.container ?? ''
  t.teardown(() => verb('setup'))
  await docker('stop', node)
  const ran = await bash(`{ $zx scripts/setup.ts; echo "exit $?" >&3; } 3>&2 2>&1 | head -1`, 120)
  t.match(ran.stderr, /^exit 0\n$/)
  t.equal(await docker('inspect', '-f', '{{.State.Running}}', node), 'true')
})

test('an answer that cannot be written is a failure', async (t) => {
  const ran = await bash('$zx scripts/poll.ts list >/dev/full')
  t.equal(ran.exit, 1)
  t.match(ran.stderr, /could not be written.*ENOSPC/)
})

test('a signal ends a verb in order at any time of it, the first second included', async (t) => {
  const codes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
  for (const [signal, code] of Object.entries(codes)) {
    // Without what tap has Node load first, which catches signals itself.
    const zx = [process.execPath, 'node_modules/.bin/zx', 'scripts/status.ts', '--watch']
    const child = spawn('env', ['-u', 'NODE_OPTIONS', ...zx], { stdio: ['ignore', 'pipe', 'pipe'] })
    const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    // SIGHUP, which Node leaves alone, is caught as soon as the first line of ours has run.
    await until('its first line', { seconds: 20, patience }, async () => {
      const read = (file: string) => readFileSync(`/proc/${child.pid}/${file}`, 'utf8')
      const caught = /SigCgt:\s*(\w+)/.exec(read('status'))?.[1] ?? '0'
      // Before it is that program it is a copy of this one.
      return read('cmdline').includes('status.ts') && BigInt(`0x${caught}`) & 1n
        ? { done: undefined }
        : { seen: caught }
    })
    child.kill(signal as keyof typeof codes)
    const [stdout, stderr, [exit]] = await ended
    t.match({ exit, stdout, stderr }, { exit: code, stdout: '', stderr: /INTERRUPTED/ }, signal)
  }
})

test('a fault for a time is healed however its verb is told to end, and told twice', async (t) => {
  const codes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
  for (const [signal, code] of Object.entries(codes)) {
    const { child, ended } = startVerb('fault', ['freeze', 'backup', '--for', '600'])
    t.teardown(() => verb('fault', ['heal']))
    await once(child.stdout, 'data')
    child.kill(signal as keyof typeof codes)
    // A shell that loses its terminal hangs up again, npm passes on what the terminal has sent, and people are impatient.
    const again = setInterval(() => child.kill(signal as keyof typeof codes), 20)
    t.teardown(() => clearInterval(again))
    // A Ctrl-C that comes later than that is another wish; the other signals come to the very end.
    if (signal === 'SIGINT') setTimeout(() => clearInterval(again), 400)
    const ran = await ended
    clearInterval(again)
    t.match(ran, { exit: code, stdout: /healed/ }, failureOf(ran))
    t.strictSame(await faults('freeze', 'backup'), [])
  }
})

test('a fault for a time is healed when its terminal is closed', async (t) => {
  t.teardown(() => verb('fault', ['heal']))
  // script(1) gives it a terminal, and closes that when it is killed.
  const command = `${process.execPath} node_modules/.bin/zx scripts/fault.ts freeze backup --for 600`
  const terminal = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['ignore', 'pipe', 'inherit'] })
  let shown = ''
  terminal.stdout.on('data', (chunk) => {
    shown += chunk
  })
  await until('the fault', { seconds: 30, patience }, async () =>
    shown.includes('in force') ? { done: undefined } : { seen: shown },
  )
  terminal.kill('SIGKILL')
  await until('the fault to be healed', { seconds: 30, patience }, async () => {
    const left = await faults('freeze', 'backup')
    return left.length === 0 ? { done: undefined } : { seen: JSON.stringify(left) }
  })
})
