import { LabError, labError } from '../../errors.ts'
import { bytesOf } from '../../lsn.ts'
import { type Down, dataAmong } from '../../postgres/data.ts'
import type { Observer } from '../../postgres/observer.ts'
import type { Report } from '../../postgres/replay.ts'
import { type Answering, type Sight, sightOf } from '../../postgres/sights.ts'
import { readStartNote } from '../../postgres/start-note.ts'
import { walEndOf } from '../../postgres/wal-end.ts'
import { uncertainAmong } from '../../rules/counted.ts'
import { choiceOf, choiceText, enoughToKnow } from '../../rules/durability.ts'
import type { Plan, Promoting } from '../../rules/failover-plan.ts'
import {
  areFenced,
  assertSettings,
  DEFAULT_MAX_LAG,
  hearing,
  mayHaveAlone,
  namesOf,
  planOf,
  replacementIn,
  unheardBy,
} from '../../rules/failover-plan.ts'
import { aheadOf, membersOf, receivedOf, seenOf } from '../../rules/members.ts'
import { isReached } from '../../rules/upstreams.ts'
import { databaseNamed, type Lab } from '../../topology/topology.ts'
import { until } from '../../wait.ts'
import type { FailoverOptions } from '../manager.ts'
import { knock } from './fencing.ts'
import { freeReplay, type Way } from './replay.ts'

/** What a failover works with. */
export type Means = {
  readonly lab: Lab
  readonly observer: Observer
  /** When the failover began, milliseconds since the epoch. */
  readonly started: number
  /** What was seen of the databases after the lab was locked; undefined if nobody has looked yet. */
  readonly seen?: readonly Sight[]
}

/** Plans a failover from what is seen of the databases, and refuses if it would lose more than is allowed. */
export async function check(means: Means, { maxLag, force, to, salvage }: FailoverOptions): Promise<Plan> {
  const { lab, observer } = means
  const wanted = to === undefined ? undefined : databaseNamed(lab, to).name
  const first = means.seen ?? (await observer.look(1))
  const sights = isEnough(first, force) ? first : await lookLonger(means, first, force)
  if (sights.every(({ state }) => state === 'absent'))
    throw labError('NOT_SET_UP', { lab: lab.name, missing: 'database' })
  const plan = planOf(sights, await downAmong(sights), wanted)
  if (plan instanceof LabError) throw plan
  if (plan.kind === 'done') return plan
  const { candidate } = plan
  assertSettings(candidate)
  if (force) return plan
  const unheard = quorumUnknown(plan, unheardBy(plan))
  if (unheard !== undefined) throw unheard
  const { name, container } = candidate.node
  if (candidate.facts.replayPaused) throw labError('REPLAY_PAUSED', { node: name, container })
  const refusal = behindAnother(plan) ?? (salvage ? undefined : await refusalOf(plan, plan.wrote, maxLag))
  if (refusal !== undefined) throw refusal
  return plan
}

/** Whether a standby answers, and at a quorum so many of them that one can be promoted. */
function isEnough(sights: readonly Sight[], force: boolean): boolean {
  const { primary, standbys } = membersOf(sights)
  return standbys.length > 0 && (force || primary !== undefined || replacementIn(sights) !== undefined)
}

/** A primary that hangs never answers, so it gets little time; standbys get more, for one may be just starting. */
async function lookLonger(
  { lab, observer }: Means,
  first: readonly Sight[],
  force: boolean,
): Promise<readonly Sight[]> {
  let sights = first
  await until('enough standbys to answer', { seconds: 5, patience: lab.settings.patience }, async () => {
    sights = await observer.look(5)
    const hopeless = membersOf(sights).silent.every(({ state }) => state !== 'running')
    return isEnough(sights, force) || hopeless ? { done: undefined } : { seen: seenOf(sights) }
  }).catch((error: unknown) => {
    if (!(error instanceof LabError && error.code === 'TIMEOUT')) throw error
  })
  return sights
}

/** Too few standbys answer: these silent databases may have acknowledged commits that no other one has. */
function quorumUnknown(plan: Promoting, unheard: readonly Sight[]): LabError | undefined {
  if (unheard.length === 0) return undefined
  const { candidate, fence, follow, down } = plan
  const choice = choiceOf(candidate.facts)
  const { counted, of, heard } = hearing(plan)
  const needed = enoughToKnow(choice, of)
  const standbys = unheard.filter((it) => follow.includes(it))
  const uncertain = uncertainAmong(standbys, down)
  // A standby rather than the old primary, which would only have to be fenced again.
  const back = (standbys[0] ?? unheard[0])?.node.name ?? ''
  // Without a container there is nothing to heal, and heal refuses the others, too.
  const isMissing = [...fence, ...follow].some(({ state }) => state === 'absent')
  return labError('QUORUM_UNKNOWN', {
    choice: choiceText(choice),
    needed: `${needed} of ${of} ${of === 1 ? 'standby has' : 'standbys have'}`,
    heard,
    silent: seenOf(standbys.length > 0 ? standbys : unheard),
    uncertain:
      uncertain.length > 0 && counted.length > 2
        ? `; nobody can read whom ${namesOf(uncertain)} followed: perhaps commits waited for it`
        : '',
    candidate: candidate.node.name,
    lost: namesOf(unheard),
    command: isMissing ? 'zx scripts/setup.ts' : `zx scripts/fault.ts heal ${back}`,
  })
}

/**
 * What the silent databases are by their data. That matters only if there is no standby to promote, or if it is not clear
 * which of them was the primary: one that is fenced may have been left behind long ago. On the first timeline nobody was.
 */
async function downAmong(sights: readonly Sight[]): Promise<Down> {
  const { primary, standbys, silent } = membersOf(sights)
  const clear = silent.length + (primary === undefined ? 0 : 1) === 1
  const [only] = silent
  const [best] = standbys
  const asks = best !== undefined && best.facts.timeline !== 1 && only !== undefined
  if (best !== undefined && clear && !(asks && (await readStartNote(only.node)).fenced)) return {}
  return dataAmong(silent)
}

/**
 * Checks, before the old primary is fenced, that replay on the candidate goes on: a report that blocks replay would block
 * the promotion. It ends such reports, or refuses if reports are to be kept. Gives the reports that it ended.
 */
export async function freeCandidate(
  way: Way,
  plan: Plan,
  { keepReports }: FailoverOptions,
): Promise<readonly Report[]> {
  if (plan.kind === 'done' || plan.candidate.facts.replayPaused) return []
  if (keepReports) return freeReplay(way, { ends: false, target: receivedOf(plan.candidate) })
  // If a report blocks replay later, the promotion ends it.
  return plan.candidate.facts.replayWaitsFor.length === 0 ? [] : freeReplay(way, { ends: true, target: undefined })
}

/**
 * Checks again, now that no old primary can write any more: since the first check it may have written more, and standbys may
 * have received more. Gives the plan with the standby that has most now.
 */
export async function checkAgain(
  means: Means,
  wayFor: (plan: Plan) => Way,
  plan: Plan,
  options: FailoverOptions,
): Promise<Plan> {
  if (plan.kind === 'done') return plan
  const settled = await whenReceived(means, plan, options)
  // A report may block replay of the last WAL.
  if (options.keepReports)
    await freeCandidate(wayFor(settled), settled, options).catch((error: unknown) => {
      throw error instanceof LabError ? notPromoted(plan, error.message, 'zx scripts/failover.ts') : error
    })
  return settled
}

/** Waits for a moment until the candidate has received enough of what the old primary sent. */
async function whenReceived(means: Means, plan: Promoting, { maxLag, force, to }: FailoverOptions): Promise<Promoting> {
  // All are silent now.
  const wrote = plan.wrote.map((it) => ({ ...it, facts: undefined }))
  let settled = plan
  let refusal: LabError | undefined
  const what = `${plan.candidate.node.name} to receive the last WAL`
  await until(what, { seconds: 1, patience: means.lab.settings.patience }, async () => {
    settled = await seenNow(means, plan, to)
    const { facts } = settled.candidate
    refusal = force ? undefined : (behindAnother(settled) ?? (await refusalOf(settled, wrote, maxLag)))
    return refusal === undefined || facts.receiver === null ? { done: undefined } : { seen: refusal.message }
  }).catch((error: unknown) => {
    if (!(error instanceof LabError && error.code === 'TIMEOUT')) throw error
  })
  if (refusal !== undefined) throw notPromoted(plan, refusal.message)
  return settled
}

/** The plan with the standby that has received most, or with the one that was chosen. */
async function seenNow(means: Means, plan: Promoting, to: string | undefined): Promise<Promoting> {
  const standbys = [plan.candidate, ...plan.follow]
  const sights = await Promise.all(
    standbys.map(async (it) =>
      it.facts === undefined ? it : sightOf(it.node, it.state, await means.observer.observe(it.node, 5)),
    ),
  )
  const answering = membersOf(sights).standbys
  const candidate = to === undefined ? answering[0] : answering.find(({ node }) => node.name === to)
  if (candidate === undefined) throw notPromoted(plan, seenOf(sights))
  return { ...plan, candidate, follow: sights.filter((it) => it !== candidate) }
}

/** Why the standby that was chosen is not promoted: another one has votes that it lacks. */
function behindAnother({ candidate, follow }: Promoting): LabError | undefined {
  const other = aheadOf(candidate, follow)
  if (other === undefined) return undefined
  const bytes = Number(bytesOf(receivedOf(other)) - bytesOf(receivedOf(candidate)))
  return labError('ANOTHER_HAS_MORE', { node: candidate.node.name, other: other.node.name, bytes })
}

const notPromoted = ({ fence }: Plan, why: string, command = 'zx scripts/failover.ts --force'): LabError =>
  labError('FENCED_NOT_PROMOTED', { fenced: areFenced(fence), why, command })

/**
 * Why the candidate is not promoted: it lacks more than may be lost, or it is unknown how much it lacks. If it lacks anything,
 * a silent standby may have acknowledged that: then nothing may be lacking, unless the user has said how much may be lost.
 */
async function refusalOf(
  plan: Promoting,
  olds: readonly Sight[],
  maxLag: number | undefined,
): Promise<LabError | undefined> {
  const { candidate } = plan
  const allowed = maxLag ?? DEFAULT_MAX_LAG
  const unknown = maxLag === undefined ? quorumUnknown(plan, mayHaveAlone(plan)) : undefined
  if (olds.length === 0) return unknown
  const refusals = olds.map(async (old) => {
    const names = { node: candidate.node.name, old: old.node.name }
    const behind = await bytesBehind(candidate, old)
    if (typeof behind === 'string') return labError('LOSS_UNKNOWN', { ...names, problem: behind })
    if (behind > allowed) return labError('LOSES_TOO_MUCH', { ...names, bytes: behind, allowed })
    return behind > 0 ? unknown : undefined
  })
  return (await Promise.all(refusals)).find((refusal) => refusal !== undefined)
}

/** How much WAL of the old primary the candidate has not received, or why that is not known. */
async function bytesBehind(candidate: Answering, { node, facts }: Sight): Promise<number | string> {
  const received = receivedOf(candidate)
  // If the old primary answers, it says its position. If not, its disk shows it.
  if (facts?.lsn != null) return Math.max(0, Number(bytesOf(facts.lsn) - bytesOf(received)))
  const found = await walEndOf(node, candidate.facts.timeline ?? 1, received)
  return 'problem' in found ? found.problem : Number(found.end - bytesOf(received))
}

/** A note for users who fail over from a healthy primary; undefined if it is not healthy. One that is cut off answers too. */
export async function needless(means: Means, plan: Plan): Promise<string | undefined> {
  if (plan.kind === 'done') return undefined
  const { candidate } = plan
  const { primary } = membersOf(plan.fence)
  // If it was cut off a moment ago, it still lists its standby.
  if (primary === undefined || !isReached(candidate, [primary, candidate, ...plan.follow])) return undefined
  if ((await knock(means.lab, primary.node, means.observer.session(candidate.node))) !== 'open') return undefined
  return `${primary.node.name} answers and takes writes: zx scripts/switchover.ts would lose nothing`
}
