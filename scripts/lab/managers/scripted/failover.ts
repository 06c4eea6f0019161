import { slotStatements } from '../../postgres/slots.ts'
import { startNotesOf } from '../../postgres/start-note.ts'
import { pointSight } from '../../postgres/upstream.ts'
import { votesOnlyOn } from '../../postgres/votes.ts'
import { choiceOf } from '../../rules/durability.ts'
import { areFenced, mayBeLost, namesOf, type Plan, unheardBy } from '../../rules/failover-plan.ts'
import { aheadOf, seenOf } from '../../rules/members.ts'
import { chosenText } from '../../rules/plan-text.ts'
import { toPointAt } from '../../rules/upstreams.ts'
import type { Reporter, Telling } from '../../steps.ts'
import { type DatabaseNode, othersOf } from '../../topology/topology.ts'
import { measureLoss, votesLeftOn } from '../cost.ts'
import type { Failover, FailoverOptions } from '../manager.ts'
import { serving } from '../serving.ts'
import { check, checkAgain, freeCandidate, type Means, needless } from './check.ts'
import { fence, proveFenced } from './fencing.ts'
import { PROMOTE, promote } from './promotion.ts'
import { type Way, wayOver } from './replay.ts'
import { salvage } from './salvage.ts'

/**
 * Makes a standby the primary: checks what would be lost, fences the old primary, promotes, confirms, and proves that writes
 * are taken. After an interruption the next run goes on. The caller has the lab's lock.
 */
export async function replacePrimary(means: Means, options: FailoverOptions, { step }: Reporter): Promise<Failover> {
  const { lab, observer, started } = means
  const began = now()
  const wayFor = (plan: Plan, { tell, say }: Telling): Way =>
    wayOver(tell, say, observer.session(nodeOf(plan)), lab, nodeOf(plan))

  const withSalvaged = (plan: Plan) =>
    step('Salvage WAL', async (it) => {
      if (plan.kind === 'done') return { plan, salvaged: [] }
      const salvaged = await salvage(it, plan)
      // It still has to replay what it got, and lacks nothing if all could be read. Another one did not get it.
      const isWhole = salvaged.every(({ unread }) => unread === null)
      const maxLag = isWhole ? Number.MAX_SAFE_INTEGER : options.maxLag
      const allowed = { ...options, to: plan.candidate.node.name, maxLag }
      return { plan: await checkAgain(means, (plan) => wayFor(plan, it), plan, allowed), salvaged }
    })

  const { first, notes, unheard, lostVotes, freed, checked } = await step('Check', async (it) => {
    // The fence changes these notes. To read one takes the engine longer than to write it, so this is done meanwhile.
    const [first, notes] = await Promise.all([check(means, options), startNotesOf(lab.databases)])
    const warning = await needless(means, first)
    if (warning !== undefined) it.say(warning)
    const ahead = first.kind === 'promote' ? aheadOf(first.candidate, first.follow) : undefined
    const answering = first.fence.find(({ facts }) => facts !== undefined) ?? ahead
    const looks = first.kind === 'promote' && options.force && answering !== undefined
    const lostVotes = looks ? await votesOnlyOn(lab, answering.node, first.candidate.node) : null
    const freed = await freeCandidate(wayFor(first, it), first, options)
    const unheard = first.kind === 'promote' ? unheardBy(first) : []
    if (unheard.length > 0) it.say(mayBeLost(unheard.map(({ node }) => node.name)))
    it.retitle(`Check: ${titleOf(first)}`)
    return { first, notes, unheard, lostVotes, freed, checked: now() }
  })
  const olds = first.fence.map((it) => it.node)
  const { plan: whenFenced, fenced } = await step(
    `Fence ${namesOf(first.fence) || 'nobody: no primary is left'}`,
    async (it) => {
      // This fences them even if they were fenced before: somebody may have started one since.
      await Promise.all(olds.map((old) => fence(it.tell, lab, old, notes.get(old.name))))
      const [plan] = await Promise.all([
        // What is lacking now may still be salvaged.
        options.salvage ? first : checkAgain(means, (plan) => wayFor(plan, it), first, options),
        ...olds.map((old) => proveFenced(lab, old, observer.session(nodeOf(first)))),
      ])
      if (plan.kind === 'promote' && nodeOf(plan) !== nodeOf(first)) it.say(`meanwhile ${chosenText(plan)}`)
      return { plan, fenced: now() }
    },
  )
  const { plan, salvaged } = options.salvage ? await withSalvaged(whenFenced) : { plan: whenFenced, salvaged: [] }
  const node = nodeOf(plan)
  const { promotion, promoted } = await step('Promote and confirm', async (it) => {
    const slots = othersOf(lab, node).flatMap(slotStatements)
    const promotion = await promote(wayFor(plan, it), statementsFor(plan, options.force), slots)
    const verb = plan.kind === 'promote' ? 'Promote' : 'Confirm'
    it.retitle(`${verb} ${node.name}: a primary on timeline ${promotion.timeline}`)
    return { promotion, promoted: now() }
  })
  const served = await step('Serve: a write through the balancer is acknowledged', async () => {
    await serving(lab, promotion.timeline)
    return now()
  })
  const toPoint = plan.kind === 'promote' ? toPointAt(plan.candidate, plan.follow) : []
  if (toPoint.length > 0)
    await step(`Point ${namesOf(toPoint)} at ${node.name}`, async ({ tell, say }) => {
      await Promise.all(toPoint.map((it) => pointSight(tell, it, node)))
      const silent = toPoint.filter(({ facts }) => facts === undefined)
      for (const it of silent) say(`${it.node.name} does not answer: it follows ${node.name} from its next start on`)
    })
  const wrote = plan.kind === 'promote' ? plan.wrote.map((it) => it.node) : olds
  const chosen = choiceOf((plan.kind === 'promote' ? plan.candidate : plan.primary).facts)
  const lost = await step('Measure what it cost', () => measureLoss(wrote, promotion))
  const [old] = unheard.length > 0 && lost?.bytes !== 0 ? wrote : []
  const found = old === undefined ? null : await votesLeftOn(lab, old, node, step)
  return {
    promoted: node.name,
    fenced: olds.map(({ name }) => name),
    promotedNow: plan.kind === 'promote',
    seconds: (served - started) / 1000,
    parts: {
      start: (began - started) / 1000,
      check: (checked - began) / 1000,
      fence: (fenced - checked) / 1000,
      promote: (promoted - fenced) / 1000,
      serve: (served - promoted) / 1000,
    },
    marks: { started, checked, fenced, promoted, served },
    timeline: promotion.timeline,
    parted: promotion.parted,
    salvaged,
    lost,
    lostVotes: found ?? lostVotes,
    unheard: unheard.map(({ node }) => node.name),
    endedReports: [...freed, ...promotion.ended],
    level: { chosen: chosen.level, rule: chosen.rule, now: 'async' },
  }
}

/** Milliseconds since the epoch, by the clock that does not jump. */
const now = (): number => performance.timeOrigin + performance.now()

const nodeOf = (plan: Plan): DatabaseNode => (plan.kind === 'promote' ? plan.candidate : plan.primary).node

const titleOf = (plan: Plan): string =>
  plan.kind === 'promote'
    ? `${chosenText(plan)}; ${seenOf(plan.fence)}`
    : `${plan.primary.node.name} is the primary already, and ${areFenced(plan.fence)}`

/** All statements, sent together, that make the candidate a primary. */
function statementsFor(plan: Plan, force: boolean): readonly string[] {
  const { facts } = plan.kind === 'promote' ? plan.candidate : plan.primary
  return [
    ...(plan.kind === 'promote' && facts.replayPaused && force ? ['select pg_wal_replay_resume()'] : []),
    // The new primary is alone, so it must not wait for a standby. Usually a standby names no synchronous standby.
    ...(facts.synchronousStandbys === ''
      ? []
      : ["alter system set synchronous_standby_names = ''", 'select pg_reload_conf()']),
    ...(plan.kind === 'promote' ? PROMOTE : []),
  ]
}
