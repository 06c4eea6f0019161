import { bytesOf, lsnOf } from '../access/database.ts'
import { type LostVote, votesOnlyOn } from '../access/votes.ts'
import { walEndOf } from '../access/wal-end.ts'
import { act, attempt, type Tell } from '../engine/docker.ts'
import { containersOf, noteForNextStart, noteOf } from '../engine/nodes.ts'
import { LabError, labError } from '../errors.ts'
import { exclusively } from '../lock.ts'
import { steps, tellOf } from '../show/steps.ts'
import type { DatabaseName, DatabaseNode, Lab } from '../topology.ts'
import { type Answering, lookAtDatabases, type Sight, standbysOf } from './databases.ts'
import { type Level, levelChosen } from './durability.ts'
import { DEFAULT_MAX_LAG, type Plan, planOf, receivedOf } from './failover-plan.ts'
import { type Promotion, promote, slotStatements } from './promotion.ts'
import { loadServing, serving } from './serving.ts'

export type FailoverOptions = { readonly maxLag: number | undefined; readonly force: boolean }

export type Failover = {
  readonly promoted: DatabaseName
  readonly fenced: DatabaseName
  /** False where an earlier run had promoted it already. */
  readonly promotedNow: boolean
  /** Seconds from the start of the command to its first acknowledged write. */
  readonly seconds: number
  readonly parts: Readonly<Record<string, number>>
  readonly timeline: number
  /** Where the old timeline ended, and with it what the new primary has of it. */
  readonly parted: string
  /** WAL that only the old primary has: where it ends, and how much that is; null where it cannot be read. */
  readonly lost: { readonly end: string; readonly bytes: number } | null
  /** Votes seen on the old primary and not on the standby before it was fenced; null where nobody could look. */
  readonly lostVotes: readonly LostVote[] | null
  readonly level: { readonly chosen: Level; readonly now: 'async' }
}

/**
 * Makes the standby the primary: checks what that would lose, fences the old primary, promotes, confirms, and proves
 * that writes are taken. Interrupted anywhere, the next run goes on from there.
 */
export const failover = (lab: Lab, { maxLag, force }: FailoverOptions): Promise<Failover> =>
  exclusively(lab, async () => {
    // What the serving step needs takes a while to load: in the meantime the databases are asked.
    loadServing()
    const clock = stopwatch()
    let plan: Plan | undefined
    let promotion: Promotion | undefined
    let lostVotes: readonly LostVote[] | null = null
    let lost: Failover['lost'] = null
    const planned = (): Plan => {
      if (plan === undefined) throw new Error('a step before its plan')
      return plan
    }
    const promoting = () => planned().kind === 'promote'

    await steps([
      {
        title: 'Check',
        task: async (_, task) => {
          plan = await check(lab, { maxLag, force })
          if (plan.kind === 'promote' && force && plan.old.facts !== undefined)
            lostVotes = await votesOnlyOn(lab, plan.old.node, plan.candidate.node)
          task.title = `Check: ${titleOf(plan)}`
          clock.lap('check')
        },
      },
      {
        title: 'Fence the old primary',
        task: async (_, task) => {
          const { old } = planned()
          task.title = `Fence ${old.node.name}`
          // Also where that was done before: somebody may have started it since.
          await fence(tellOf(task), lab, old.node)
          await proveFenced(old.node, nodeOf(planned()))
          clock.lap('fence')
        },
      },
      {
        title: 'Promote and confirm',
        task: async (_, task) => {
          const node = nodeOf(planned())
          promotion = await promote(tellOf(task), node, statementsFor(planned(), force))
          task.title = `${promoting() ? 'Promote' : 'Confirm'} ${node.name}: a primary on timeline ${promotion.timeline}`
          clock.lap('promote')
        },
      },
      {
        title: 'Serve: a write through the balancer is acknowledged',
        task: async () => {
          await serving(lab, promotion?.timeline ?? 0)
          clock.lap('serve')
        },
      },
      {
        title: 'Measure what it cost',
        task: async () => {
          if (promotion !== undefined) lost = await measureLoss(planned().old.node, promotion)
        },
      },
    ])
    if (plan === undefined || promotion === undefined) throw new Error('a failover without a promotion')
    return {
      promoted: nodeOf(plan).name,
      fenced: plan.old.node.name,
      promotedNow: promoting(),
      seconds: clock.total(),
      parts: clock.parts,
      timeline: promotion.timeline,
      parted: promotion.parted,
      lost,
      lostVotes,
      level: { chosen: levelChosen((plan.kind === 'promote' ? plan.candidate : plan.primary).facts), now: 'async' },
    }
  })

const nodeOf = (plan: Plan): DatabaseNode => (plan.kind === 'promote' ? plan.candidate : plan.primary).node

const titleOf = (plan: Plan): string =>
  plan.kind === 'promote'
    ? `${plan.candidate.node.name} has received up to ${receivedOf(plan.candidate)}; ${plan.old.seen}`
    : `${plan.primary.node.name} is the primary already, and ${plan.old.node.name} is fenced`

/** Times from the start of the process, so that the start of the script counts too. */
function stopwatch() {
  const parts: Record<string, number> = { start: performance.now() / 1000 }
  let last = performance.now()
  return {
    parts,
    lap(name: string) {
      const now = performance.now()
      parts[name] = (now - last) / 1000
      last = now
    },
    total: () => Object.values(parts).reduce((sum, part) => sum + part, 0),
  }
}

async function check(lab: Lab, { maxLag = DEFAULT_MAX_LAG, force }: FailoverOptions): Promise<Plan> {
  // A frozen primary never answers, so little is waited for it; the standby gets more time before it is given up.
  const first = await lookAtDatabases(lab, 1)
  const sights = standbysOf(first).length > 0 ? first : await lookAtDatabases(lab, 5)
  const absent = sights.find(({ state }) => state === 'absent' || state === 'created')
  if (absent !== undefined) throw labError('NOT_SET_UP', { lab: lab.name, missing: absent.node.name })
  // What was fenced before matters only where no standby is left to promote.
  const notes = standbysOf(sights).length > 0 ? [] : await Promise.all(lab.databases.map(noteOf))
  const fenced = lab.databases.filter((_, index) => notes[index] === 'fenced').map(({ name }) => name)
  const plan = planOf(sights, fenced)
  if (plan instanceof LabError) throw plan
  if (plan.kind === 'done' || force) return plan
  const { candidate, old } = plan
  const { name, container } = candidate.node
  if (candidate.facts.replayPaused) throw labError('REPLAY_PAUSED', { node: name, container })
  const behind = await bytesBehind(candidate, old)
  if (typeof behind === 'string') throw labError('LOSS_UNKNOWN', { node: name, old: old.node.name, problem: behind })
  if (behind > maxLag)
    throw labError('LOSES_TOO_MUCH', { node: name, old: old.node.name, bytes: behind, allowed: maxLag })
  return plan
}

/** How much WAL of the old primary the candidate has not received, or why that is not known. */
async function bytesBehind(candidate: Answering, { node, facts }: Sight): Promise<number | string> {
  const received = receivedOf(candidate)
  // A primary that answers says it; of one that does not, its disk does. Two standbys: the candidate has more.
  if (facts?.lsn != null) return Math.max(0, Number(bytesOf(facts.lsn) - bytesOf(received)))
  const found = await walEndOf(node, candidate.facts.timeline ?? 1, received)
  return 'problem' in found ? found.problem : Number(found.end - bytesOf(received))
}

/** Ends a database at once, for good: it does not start again before somebody says so. */
export async function fence(tell: Tell, lab: Lab, node: DatabaseNode): Promise<void> {
  const [container] = await containersOf(lab, [node])
  const runs = container?.state === 'running' || container?.state === 'paused'
  // The engine does not restart what was killed or stopped by hand. The note stops a start by hand as well.
  const end = runs ? ['kill', node.container] : ['stop', '--time', '0', node.container]
  await Promise.all([
    noteForNextStart(tell, node, 'fenced'),
    ...(container?.state === 'exited' ? [] : [act(tell, end)]),
  ])
}

/** Proves the fence twice: the engine has no process of it any more, and the standby gets no connection to it. */
async function proveFenced(node: DatabaseNode, seenFrom: DatabaseNode): Promise<void> {
  const knock = `exec 3<>/dev/tcp/${node.name}/${node.port}`
  const [state, knocked] = await Promise.all([
    attempt([
      'inspect',
      '-f',
      '{{.State.Status}}, restarting {{.State.Restarting}}, pid {{.State.Pid}}',
      node.container,
    ]),
    // Without a host there is nobody to refuse: no answer in this time is one too.
    attempt(['exec', seenFrom.container, 'timeout', '0.1', 'bash', '-c', knock]),
  ])
  if (state.stdout !== 'exited, restarting false, pid 0')
    throw labError('NOT_FENCED', { node: node.name, seen: state.stdout })
  if (knocked.exit === 0) throw labError('NOT_FENCED', { node: node.name, seen: `port ${node.port} still answers` })
}

/** What to change on the candidate in one go: everything that it is not yet as a primary. */
function statementsFor(plan: Plan, force: boolean): readonly string[] {
  const { facts } = plan.kind === 'promote' ? plan.candidate : plan.primary
  return [
    ...(plan.kind === 'promote' && facts.replayPaused && force ? ['select pg_wal_replay_resume()'] : []),
    // Alone it must not wait for a standby that is gone. Normally a standby names none.
    ...(facts.synchronousStandbys === ''
      ? []
      : ["alter system set synchronous_standby_names = ''", 'select pg_reload_conf()']),
    ...(plan.kind === 'promote' ? ['select pg_promote()'] : []),
    ...slotStatements(plan.old.node),
  ]
}

/** Reads off the old primary's disk how much it had written beyond where the timelines parted. */
async function measureLoss(old: DatabaseNode, { parent, parted }: Promotion): Promise<Failover['lost']> {
  const found = await walEndOf(old, parent, parted)
  if ('problem' in found) return null
  return { end: lsnOf(found.end), bytes: Number(found.end - bytesOf(parted)) }
}
