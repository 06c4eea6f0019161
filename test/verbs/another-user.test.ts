// A lab is its user's: whoever else uses the same engine may look at it, and every verb that changes it refuses.
import { userInfo } from 'node:os'
import { test } from 'tap'
import { containerOf, docker, failureOf, lab, verb } from '../the-lab.ts'

const CHANGING: readonly (readonly string[])[] = [
  ['setup'],
  ['reset'],
  ['failover'],
  ['failover', '--watch'],
  ['switchover'],
  ['rejoin'],
  ['replication', 'on'],
  ['fault', 'stop', 'backup'],
  ['fault', 'heal'],
  ['teardown'],
]

const stateOf = async () =>
  (await docker('ps', '-a', '--filter', `label=failover-lab.lab=${lab.name}`, '--format', '{{.ID}} {{.State}}'))
    .split('\n')
    .sort()

test('everything that a lab makes has a label with its user', async (t) => {
  const kinds = [
    ['container', containerOf('loader')],
    ['volume', lab.databases[0]?.volume ?? ''],
    ['network', lab.network],
  ] as const
  for (const [kind, name] of kinds) {
    const labels = kind === 'container' ? '.Config.Labels' : '.Labels'
    const user = await docker(kind, 'inspect', '-f', `{{index ${labels} "failover-lab.user"}}`, name)
    t.equal(user, userInfo().username, kind)
  }
})

test('a verb may look at the lab of another user, but not change it', async (t) => {
  // As another user would see it: what is there says that somebody else made it.
  const name = containerOf('loader')
  const image = await docker('inspect', '-f', '{{.Config.Image}}', name)
  await docker('rm', '-f', name)
  const labels = [`failover-lab.lab=${lab.name}`, 'failover-lab.node=loader', 'failover-lab.user=ann-of-next-door']
  await docker('create', '--name', name, ...labels.flatMap((it) => ['--label', it]), image)
  t.teardown(async () => {
    await docker('rm', '-f', name)
    const ran = await verb('setup')
    if (ran.exit !== 0) throw new Error(failureOf(ran))
  })
  const before = await stateOf()
  for (const [command = '', ...args] of CHANGING) {
    const ran = await verb(command, args)
    t.equal(ran.exit, 1, [command, ...args].join(' '))
    t.match(ran.stderr, /NOT_YOURS: .*ann-of-next-door.*\n.*LAB_NAME=lab2/, failureOf(ran))
  }
  t.strictSame(await stateOf(), before, 'nothing was started, stopped or removed')
  t.match((await verb('status')).stdout, /this lab belongs to the user ann-of-next-door/)
})
