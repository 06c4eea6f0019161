// What a verb says to arguments that it cannot use: what is wrong and what to do, exit code 2, and never a stack.
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { isAddress } from '../../scripts/lab/service/client.ts'
import { failureOf, verb } from '../the-lab.ts'

const LONG = 'a'.repeat(100_000)
/** A verb's arguments, and what it says. */
const UNUSABLE: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['poll', ['list', '--at', ''], /'--at <host:port>' argument '' is invalid. It must be host:port, like/],
  ['poll', ['follow', 'x', '--at', 'http://127.0.0.1:8080'], /It must be host:port/],
  ['poll', ['list', '--json=false'], /'--json' takes no value/],
  ['poll', ['create', 'q', '--yes', '--no'], /unknown option '--yes'\n.*after --/],
  ['poll', ['lst'], /unknown command 'lst'\n.*Did you mean list/],
  ['poll', [LONG], /^error: unknown command 'a{100}…'\n/],
  ['failover', ['--json=1'], /'--json' takes no value/],
  [
    'failover',
    ['--max-lag', '3', '--max-lag=5'],
    /^error: option '--max-lag <bytes>' is given twice: give it once\n.*--help/,
  ],
  ['failover', ['--force', '--json', '--force'], /'--force' is given twice/],
  ['failover', ['db-replica', '--to', 'db-replica'], /the standby is given twice/],
  ['switchover', ['--to', 'db-replica', 'db-replica'], /the standby is given twice/],
  ['status', ['-w', '--watch', '2'], /'-w, --watch \[seconds\]' is given twice/],
  ['poll', ['--at', 'a:1', 'list', '--at', 'b:2'], /'--at <host:port>' is given twice/],
  ['fault', ['slow', 'loader', '--for', '1', '--for', '1'], /'--for <seconds>' is given twice/],
  ['fault', ['slow', 'loader', '--delay', '1', '--delay', '2'], /'--delay <.*>' is given twice/],
  ['experiment', ['--fault', 'crash', '--fault', 'stop'], /'--fault <kinds>' is given twice/],
  ['experiment', ['nonsense'], /unknown command 'nonsense': it must be one of run, judge/],
  ['experiment', ['--output', ''], /It must be a path/],
  ['bench', ['nonsense'], /unknown command 'nonsense': it must be one of startup,/],
  ['exercise', ['nonsense'], /unknown command 'nonsense': it must be one of list,/],
]
/** The same where only a look shows that it cannot be used. */
const WRONG: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['experiment', ['judge', '/nowhere'], /NO_SUCH_EXPERIMENT: .*\n.*→ .*experiment.ts/],
  ['experiment', ['--output', '/dev/null/x'], /OUTPUT: .*\n.*→ nothing was done.*--output/],
  ['bench', ['--output', '/dev/null/x'], /OUTPUT: .*\n.*→ nothing was measured.*--output/],
  ['fault', ['crash', ''], /NO_SUCH_NODE: '' is not a node of this lab\n/],
  [
    'fault',
    ['crash', 'db-replica-3'],
    /NO_SUCH_NODE: db-replica-3 is not a node of this lab\n.*LAB_STANDBYS=3 zx scripts\/setup/,
  ],
  ['fault', ['heal', 'db-replica-2'], /FAULT_UNKNOWN: db-replica-2 is neither.*\n.*LAB_STANDBYS=2 zx scripts\/setup/],
  ['failover', ['--to', 'db-replica-2'], /NO_SUCH_DATABASE: db-replica-2 .*\n.*LAB_STANDBYS=2 zx scripts\/setup/],
  ['switchover', ['--to', 'db-replica-2'], /NO_SUCH_DATABASE: db-replica-2 .*\n.*LAB_STANDBYS=2 zx scripts\/setup/],
  ['switchover', ['db-nope'], /NO_SUCH_DATABASE: db-nope .*\n.*→ one of db-primary, db-replica\n/],
  [
    'replication',
    ['on', '--quorum', '2'],
    /QUORUM_TOO_LARGE: .* their number is 1\n.*at most 1 now; LAB_STANDBYS=2 zx scripts\/setup/,
  ],
  ['experiment', ['--node', 'db-replica-2'], /NO_SUCH_NODE: db-replica-2 .*\n.*LAB_STANDBYS=2 zx scripts\/setup/],
  ['fault', ['heal', ' '], /FAULT_UNKNOWN: ' ' is neither/],
  ['exercise', ['start', LONG], /NO_SUCH_EXERCISE: there is no exercise a{100}…\n/],
  ['poll', ['list', '--at', 'no-such-host.invalid:80'], /UNAVAILABLE: .*\n.*→ correct the name of the host/],
]

test('arguments that cannot be used are refused with what to do', async (t) => {
  for (const [cases, exit] of [
    [UNUSABLE, 2],
    [WRONG, 1],
  ] as const)
    for (const [name, args, stderr] of cases) {
      const ran = await verb(name, args)
      t.match(ran, { exit, stdout: '', stderr }, `${name} ${args.join(' ').slice(0, 80)}: ${failureOf(ran)}`)
      t.notMatch(ran.stderr, /^ +at /m, 'no stack')
      t.ok(ran.stderr.length < 1000, `${ran.stderr.length} characters`)
    }
})

test('text that begins with a dash is taken after two dashes, as help says', async (t) => {
  const uuid = (await verb('poll', ['create', '--', '-q', '--yes', '-1'])).stdout.trim()
  t.match(await verb('poll', ['vote', uuid, '--user', 'ann', '--', '--yes']), { exit: 0 })
  t.match((await verb('poll', ['vote', '--help'])).stdout, / begins with a dash goes after --/)
})

test('an address is a host and a port that a client can connect to', async (t) => {
  for (const it of ['127.0.0.1:8080', 'localhost:1', 'a.b-c.example:65535', 'node_1:80', '[::1]:80', '[fe80::1]:8080'])
    t.ok(isAddress(it), it)
  const others = ['', ':80', 'host', 'host:', 'host:0', 'host:65536', 'host:8o', 'a b:80', '::1:80', '[::1]', '[x]:80']
  for (const it of [
    ...others,
    'unix:/x',
    'dns:host:80',
    'http://host:80',
    'host:80/',
    'u@host:80',
    'host:80\n',
    `${LONG}:1`,
  ])
    t.notOk(isAddress(it), it)
})

test('zx runs each verb', (t) => {
  const root = join(import.meta.dirname, '../..')
  const verbs = readdirSync(join(root, 'scripts')).filter((file) => file.endsWith('.ts'))
  t.ok(verbs.length > 10, `${verbs.length} verbs`)
  for (const file of verbs) {
    const said = execFileSync('zx', [`scripts/${file}`, '--help'], { cwd: root, encoding: 'utf8' })
    t.match(said, `Usage: zx scripts/${file} `)
  }
  t.end()
})
