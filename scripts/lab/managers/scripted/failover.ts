import { bytesOf, lsnOf } from '../../postgres/database.ts'
import type { Report } from '../../postgres/replay.ts'
import type { Answering } from '../../postgres/sights.ts'
import { type LostVote, votesOnlyOn } from '../../postgres/votes.ts'
import { walEndOf } from '../../postgres/wal-end.ts'
import { type Level, levelChosen } from '../../rules/durability.ts'
import { type Plan, receivedOf } from '../../rules/failover-plan.ts'
import { steps, tellOf } from '../../terminal/steps.ts'
import type { DatabaseName, DatabaseNode } from '../../topology/topology.ts'
import { serving } from '../serving.ts'
import { check, checkAgain, type FailoverOptions, freeCandidate } from './check.ts'
import { fence, proveFenced } from './fencing.ts'
import { type Means, sessionOf } from './means.ts'
import { needless } from './needless.ts'
import { PROMOTE, type Promotion, promote, slotStatements } from './promotion.ts'
import { type Way, wayOver } from './replay.ts'

/** When each part of a failover ended, in milliseconds since the epoch. `started`: when its process or its decision began. */
export type Marks = Readonly<Record<'started' | 'checked' | 'fenced' | 'promoted' | 'served', number>>

export type Failover = {
  readonly promoted: DatabaseName
  readonly fenced: DatabaseName
  /** False if an earlier run had promoted it already. */
  readonly promotedNow: boolean
  /** Seconds from the start of the command to its first acknowledged write. */
  readonly seconds: number
  readonly parts: Readonly<Record<string, number>>
  readonly marks: Marks
  readonly timeline: number
  /** The LSN where the old timeline ended: the new primary has everything before it. */
  readonly parted: string
  /** WAL that only the old primary has: where it ends and how much it is; null if it cannot be read. */
  readonly lost: { readonly end: string; readonly bytes: number } | null
  /** Votes that only the old primary had before it was fenced; null if they could not be read. */
  readonly lostVotes: readonly LostVote[] | null
  /** Backends on the standby that were ended because replay waited for them. */
  readonly endedReports: readonly Report[]
  readonly level: { readonly chosen: Level; readonly now: 'async' }
}

/**
 * Makes the standby the primary: checks what would be lost, fences the old primary, promotes, confirms, and proves that
 * writes are taken. After an interruption the next run goes on. The caller has the lab's lock.
 */
export async function failOver(means: Means, options: FailoverOptions): Promise<Failover> {
  const { lab } = means
  const marks = { started: means.started, checked: 0, fenced: 0, promoted: 0, served: 0 }
  const ends = (part: keyof Marks) => {
    marks[part] = performance.timeOrigin + performance.now()
  }
  const began = performance.timeOrigin + performance.now()
  let plan: Plan | undefined
  let promotion: Promotion | undefined
  let lostVotes: readonly LostVote[] | null = null
  let lost: Failover['lost'] = null
  const endedReports: Report[] = []
  const planned = (): Plan => {
    if (plan === undefined) throw new Error('a step before its plan')
    return plan
  }
  const wayFor = (task: { output: string }): Way => {
    const say = (line: string) => {
      task.output = line
    }
    return wayOver(tellOf(task), say, sessionOf(means, nodeOf(planned())), lab, nodeOf(planned()))
  }

  await steps([
    {
      title: 'Check',
      task: async (_, task) => {
        plan = await check(means, options)
        const warning = await needless(means, plan)
        if (warning !== undefined) task.output = warning
        if (plan.kind === 'promote' && options.force && plan.old.facts !== undefined)
          lostVotes = await votesOnlyOn(lab, plan.old.node, plan.candidate.node)
        endedReports.push(...(await freeCandidate(wayFor(task), plan, options)))
        task.title = `Check: ${titleOf(plan)}`
        ends('checked')
      },
    },
    {
      title: 'Fence the old primary',
      task: async (_, task) => {
        const { old } = planned()
        task.title = `Fence ${old.node.name}`
        // Also if it was fenced before: somebody may have started it since.
        await fence(tellOf(task), lab, old.node)
        await Promise.all([
          checkAgain(means, wayFor(task), planned(), options),
          proveFenced(lab, old.node, sessionOf(means, nodeOf(planned()))),
        ])
        ends('fenced')
      },
    },
    {
      title: 'Promote and confirm',
      task: async (_, task) => {
        const promoted = await promote(
          wayFor(task),
          statementsFor(planned(), options.force),
          slotStatements(planned().old.node),
        )
        promotion = promoted
        endedReports.push(...promoted.ended)
        task.title = `${planned().kind === 'promote' ? 'Promote' : 'Confirm'} ${nodeOf(planned()).name}: a primary on timeline ${promotion.timeline}`
        ends('promoted')
      },
    },
    {
      title: 'Serve: a write through the balancer is acknowledged',
      task: async () => {
        await serving(lab, promotion?.timeline ?? 0)
        ends('served')
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
    promotedNow: plan.kind === 'promote',
    seconds: (marks.served - marks.started) / 1000,
    parts: {
      start: (began - marks.started) / 1000,
      check: (marks.checked - began) / 1000,
      fence: (marks.fenced - marks.checked) / 1000,
      promote: (marks.promoted - marks.fenced) / 1000,
      serve: (marks.served - marks.promoted) / 1000,
    },
    marks,
    timeline: promotion.timeline,
    parted: promotion.parted,
    lost,
    lostVotes,
    endedReports,
    level: { chosen: levelChosen((plan.kind === 'promote' ? plan.candidate : plan.primary).facts), now: 'async' },
  }
}

const nodeOf = (plan: Plan): DatabaseNode => (plan.kind === 'promote' ? plan.candidate : plan.primary).node

const titleOf = (plan: Plan): string =>
  plan.kind === 'promote'
    ? `${plan.candidate.node.name} has received up to ${receivedOf(plan.candidate)}${toReplay(plan.candidate)}; ${plan.old.seen}`
    : `${plan.primary.node.name} is the primary already, and ${plan.old.node.name} is fenced`

function toReplay(candidate: Answering): string {
  const bytes = bytesOf(receivedOf(candidate)) - bytesOf(candidate.facts.lsn ?? '0/0')
  return bytes > 0n ? `, and has still to replay ${bytes} bytes of it` : ''
}

/** All statements, sent together, that make the candidate a primary. */
function statementsFor(plan: Plan, force: boolean): readonly string[] {
  const { facts } = plan.kind === 'promote' ? plan.candidate : plan.primary
  return [
    ...(plan.kind === 'promote' && facts.replayPaused && force ? ['select pg_wal_replay_resume()'] : []),
    // Alone it must not wait for a standby that is gone. Usually a standby names no synchronous standby.
    ...(facts.synchronousStandbys === ''
      ? []
      : ["alter system set synchronous_standby_names = ''", 'select pg_reload_conf()']),
    ...(plan.kind === 'promote' ? PROMOTE : []),
  ]
}

/** Reads from the old primary's disk how much WAL it wrote after the end of the old timeline. */
async function measureLoss(old: DatabaseNode, { parent, parted }: Promotion): Promise<Failover['lost']> {
  const found = await walEndOf(old, parent, parted)
  if ('problem' in found) return null
  return { end: lsnOf(found.end), bytes: Number(found.end - bytesOf(parted)) }
}
