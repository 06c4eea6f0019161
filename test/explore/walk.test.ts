// It walks one way, the same each time. Other ways: WALK_SEED=… npm test -- explore/walk. WALK_STEPS=200 walks so
// far, and wants TEST_SECONDS=9000. The moves are then the same; how far a node has come when the next one meets it is up to the machine.
import { spawnSync } from 'node:child_process'
import { test } from 'tap'
import { environment } from '../../scripts/lab/docker/shell.ts'
import { LabError } from '../../scripts/lab/errors.ts'
import { othersOf } from '../../scripts/lab/topology/topology.ts'
import type { LabStatus } from '../../scripts/lab/verbs/status.ts'
import { until } from '../../scripts/lab/wait.ts'
import { client, ok } from '../grpc.ts'
import { addressOf, failureOf, lab, patience, type Ran, sql, verb } from '../the-lab.ts'
import { pickBy, tidyUp } from './moves.ts'
import { plainLook, writable } from './plain-look.ts'

/** How often advice is followed before the lab is taken for one that cannot be made whole. */
const MOST_ADVICE = 6

const seed = Number(process.env['WALK_SEED'] || 5)
const steps = Number(process.env['WALK_STEPS'] || 4)

/** What was acknowledged and is not known to be lost. */
type World = { poll: string; acknowledged: Set<string>; cast: number }

async function newWorld(): Promise<World> {
  // A vote that is acknowledged is on both disks: then only who removes both volumes loses one.
  const level = await verb('replication', ['on'])
  if (level.exit !== 0) throw new Error(failureOf(level))
  const it = client(addressOf('loader'))
  const { uuid } = await ok(it.createPoll({ poll_questions: 'Still here?', options: ['a', 'b'] })).finally(it.close)
  return { poll: uuid, acknowledged: new Set(), cast: 0 }
}

/** Casts a vote; one that was not acknowledged may be stored or not. */
async function vote(world: World, seconds: number): Promise<boolean> {
  const user = `user ${++world.cast}`
  const it = client(addressOf('loader'), seconds)
  const answer = await it.castVote({ uuid: world.poll, userID: user, select_options: 'a' }).finally(it.close)
  const done = 'ok' in answer && answer.ok.status === 'Vote Successfully!'
  if (done) world.acknowledged.add(user)
  return done
}

const statusNow = async (): Promise<LabStatus> => {
  const ran = await verb('status', ['--json'])
  if (ran.stdout === '') throw new Error(`status says nothing: ${failureOf(ran)}`)
  return JSON.parse(ran.stdout)
}

/** Compares what status says with a plain look. Both may change meanwhile, so they have to agree only in the end. */
const statusIsTrue = (): Promise<LabStatus> =>
  until('status and a plain look to agree', { seconds: 30, patience }, async () => {
    const plain = await plainLook(lab)
    const status = await statusNow()
    const wrong = status.nodes.flatMap(({ name, state, healthy, database, changed }) => {
      const seen = plain[name]
      if (seen === undefined) return [`${name} was not looked at`]
      const foreign = seen.networks.filter((network) => network !== lab.network)
      return [
        ...(seen.state === state ? [] : [`${name} is ${seen.state}, status says ${state}`]),
        ...(healthy && seen.state !== 'running' ? [`${name} is called healthy`] : []),
        ...(healthy && !seen.onNetwork ? [`${name} is called healthy without the network`] : []),
        ...(seen.state === 'running' && foreign.length > 0 && changed.length === 0 ? [`${name}: ${foreign}`] : []),
        ...(seen.state === 'running' && seen.restartPolicy !== 'unless-stopped' && changed.length === 0
          ? [`${name} restarts ${seen.restartPolicy}`]
          : []),
        ...(database !== null && (database.role === 'primary') !== (seen.inRecovery === false)
          ? [`${name} in recovery: ${seen.inRecovery}, status says ${database.role}`]
          : []),
      ]
    })
    return wrong.length === 0 ? { done: status } : { seen: wrong.join('; ') }
  })

/** What is whole stays whole: a look that a busy machine did not answer in time is followed by one that it does. */
const statusIsHealthy = (): Promise<LabStatus> =>
  until('status to call the lab healthy', { seconds: 30, patience }, async () => {
    const status = await statusIsTrue()
    const problems = status.nodes.flatMap(({ name, problem }) => (problem === null ? [] : [`${name}: ${problem}`]))
    return status.healthy ? { done: status } : { seen: problems.join('; ') || 'no node has a problem' }
  })

/** What a fix says to do, in order, as far as the first way to do it goes; the verbs without `zx scripts/…`. */
function advised(fix: string): readonly (readonly string[])[] {
  const [first = ''] = fix.split(/[;,] or |; only if /)
  const told = first.matchAll(/`(docker [^`]+)`|zx scripts\/(\w+)\.ts((?: --[\w-]+)*)/g)
  return [...told].flatMap(([, command, name, options]) => {
    if (command !== undefined) return [['bash', command]]
    return name === 'setup' || name === 'status' || name === undefined
      ? []
      : [[name, ...(options ?? '').split(' ').filter((word) => word !== '')]]
  })
}

/** Follows it to the letter. */
async function follow([what = '', ...args]: readonly string[]): Promise<Ran> {
  if (what !== 'bash') return verb(what, args)
  const done = spawnSync('bash', ['-c', args[0] ?? ''], { encoding: 'utf8', env: environment() })
  return { exit: done.status ?? -1, stdout: done.stdout, stderr: done.stderr }
}

const fixOf = ({ stderr }: Ran): string => /→ (.*)/.exec(stderr)?.[1] ?? ''
const codeOf = ({ stderr }: Ran): string => /✗ ([A-Z_]+): /.exec(stderr)?.[1] ?? ''

/** Sets the lab up as somebody would who does what it is told. Gives all that was said on the way. */
async function madeWhole(told: string[]): Promise<string> {
  let said = ''
  for (let advice = 0; advice <= MOST_ADVICE; advice++) {
    const ran = await verb('setup')
    said += ran.stderr
    if (ran.exit === 0) return said
    const fix = fixOf(ran)
    const commands = advised(fix)
    told.push(`setup: ${/✗ (.*)/.exec(ran.stderr)?.[1]} → ${fix}`)
    if (['ENGINE_REFUSED', 'TIMEOUT', ''].includes(codeOf(ran)) || commands.length === 0) break
    for (const command of commands) {
      const followed = await follow(command)
      said += followed.stdout + followed.stderr
      told.push(`${command.join(' ')}: ${followed.exit === 0 ? 'done' : failureOf(followed)}`)
      await onePrimary()
    }
  }
  throw new Error('the lab cannot be made whole by what it says')
}

async function onePrimary(): Promise<void> {
  const found = await writable(lab)
  if (found.length > 1) throw new Error(`two databases take writes: ${found.join(' and ')}`)
}

/** Everything that a healthy lab is, seen without it. */
async function assertWhole(world: World): Promise<void> {
  const plain = await plainLook(lab)
  const primaries = lab.databases.filter(({ name }) => plain[name]?.inRecovery === false)
  const [primary] = primaries
  const wrong = lab.nodes.filter(({ name }) => {
    const seen = plain[name]
    return seen?.state !== 'running' || seen.networks.join() !== lab.network || seen.restartPolicy !== 'unless-stopped'
  })
  if (primary === undefined || primaries.length !== 1 || wrong.length > 0)
    throw new Error(`setup calls this healthy: ${JSON.stringify(plain)}`)
  for (const { name } of othersOf(lab, primary))
    if (!plain[primary.name]?.standbys.includes(name)) throw new Error(`${name} does not stream from ${primary.name}`)
  const stored = new Set(
    (await sql(primary.name, `select user_id from vote where poll_id = '${world.poll}'`)).split('\n'),
  )
  const lost = [...world.acknowledged].filter((user) => !stored.has(user))
  if (lost.length > 0) throw new Error(`votes lost without a word: ${lost.join(', ')}`)
  if (!(await vote(world, 10))) throw new Error('no vote is taken')
}

test(`from any state that docker commands make, setup makes the lab healthy or says what to do; WALK_SEED=${seed}`, async (t) => {
  t.teardown(async () => {
    await tidyUp(lab)
    const whole = await verb('setup')
    const reset = await verb('reset')
    if (reset.exit !== 0) throw new Error(`${failureOf(whole)}\n${failureOf(reset)}`)
  })
  const { pick, move } = pickBy(seed)
  let world = await newWorld()
  let acknowledged = 0
  for (let step = 1; step <= steps; step++) {
    const did: string[] = []
    const told: string[] = []
    try {
      const emptied = new Set<string>()
      for (let moves = pick([1, 1, 2]); moves > 0; moves--) {
        const moved = await move().make(lab, pick)
        did.push(moved.did)
        for (const name of moved.emptied) emptied.add(name)
        await onePrimary()
        await vote(world, 1)
      }
      await statusIsTrue()
      const said = await madeWhole(told)
      // The user's own hand removed every copy there was: that loses votes, and setup says so.
      if (emptied.size === lab.databases.length) {
        if (!/without any votes/.test(said))
          throw new Error(`all data was removed, and setup says nothing of it:\n${said}`)
        acknowledged += world.acknowledged.size
        world = await newWorld()
      }
      await assertWhole(world)
      await statusIsHealthy()
    } catch (error) {
      const why = error instanceof LabError ? `${error.message}\n${error.details}` : String(error)
      throw new Error([`step ${step} of WALK_SEED=${seed}`, ...did, ...told, why].join('\n'), { cause: error })
    } finally {
      t.comment(`${step}: ${[...did, ...told].join(' | ')}`)
    }
  }
  acknowledged += world.acknowledged.size
  t.ok(acknowledged > 0, `${acknowledged} votes were acknowledged in ${steps} steps, and none was lost without a word`)
})
