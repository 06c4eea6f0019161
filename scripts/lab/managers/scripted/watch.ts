import { setTimeout as pause } from 'node:timers/promises'
import { assertHere, withItsShape } from '../../docker/here.ts'
import { assertOwn, changing } from '../../docker/leftovers.ts'
import { containersOf } from '../../docker/nodes.ts'
import { LabError, labError } from '../../errors.ts'
import { interruption, reader } from '../../interruption.ts'
import type { Sight } from '../../postgres/sights.ts'
import { membersOf } from '../../rules/members.ts'
import { afterRound, type Belief, HEALTHY, type Limits, type Round } from '../../rules/suspicion.ts'
import { isHeld } from '../../state/lock.ts'
import type { Reporter } from '../../steps.ts'
import { type DatabaseNode, databaseNamed, type Lab } from '../../topology/topology.ts'
import type { Failover, FailoverOptions, WatchEvent } from '../manager.ts'
import { warmServing } from '../serving.ts'
import { type Attempts, attemptsOf } from './attempts.ts'
import { replacePrimary } from './failover.ts'
import { type News, newsFor } from './news.ts'
import { ANSWER_SECONDS, openProbes, type Pair, type Probed, type Probes } from './probes.ts'
import { retarget } from './retarget.ts'

/** Milliseconds from the start of one round to the start of the next; a round that waits for an answer takes longer. */
const INTERVAL_MS = 100
/** After this many failed rounds in a row the primary is dead. */
const FAILURES = 3
/** Seconds, before `patience`: rounds that are further apart do not count as in a row. */
const GAP_SECONDS = 3
/** Seconds, before `patience`, that the engine has to bring back a primary whose PostgreSQL has died. */
const RETURNING_SECONDS = 3
/** After this many failed rounds in a row, a standby that others follow is dead. There is no hurry: somebody may be restarting it. */
const FAILURES_OF_STANDBY = 10
/** Seconds until a failover that was refused is tried again. */
const RETRY_SECONDS = 5
/** Seconds after which the standbys are counted again: setup may have added or removed some. */
const COUNT_SECONDS = 5

type Watch = {
  readonly lab: Lab
  readonly options: FailoverOptions
  readonly probes: Probes
  readonly limits: Limits
  readonly news: News
  readonly attempts: Attempts
}

/**
 * Probes the primary until it is interrupted or nobody reads its output. When the primary is dead, it makes the standby the
 * primary. When a standby is dead that others follow, it points those at the primary. It tells what it sees and does. It has
 * the lab's lock only while it does that. While another command has the lock, it takes no failure for a death.
 */
export async function watch(
  lab: Lab,
  options: FailoverOptions,
  tell: (event: WatchEvent) => void,
  reporter: Reporter,
): Promise<void> {
  if (options.to !== undefined) databaseNamed(lab, options.to)
  await assertThere(lab)
  const longest = (seconds: number) => seconds * 1000 * lab.settings.patience
  const limits = { failures: FAILURES, gap: longest(GAP_SECONDS), returning: longest(RETURNING_SECONDS) }
  const told = { news: newsFor(tell), attempts: attemptsOf(reporter) }
  let next: Lab | undefined = lab
  while (next !== undefined) next = await watchOne({ lab: next, options, limits, probes: openProbes(next), ...told })
}

/** Watches a lab until it has another number of standbys; then it gives the lab as it is now. */
async function watchOne(it: Watch): Promise<Lab | undefined> {
  const { lab, limits } = it
  let acting = false
  try {
    // While the sessions open, load what a failover needs.
    const [first] = await Promise.all([
      it.probes.round({ primary: undefined, standby: undefined }, false, 5),
      warmServing(lab),
    ])
    let { pair } = first
    let belief = HEALTHY
    let missed: Missed | undefined
    let notBefore = 0
    let counted = performance.now()
    while (!interruption.signal.aborted && !reader.left) {
      const began = performance.now()
      if (began - counted > COUNT_SECONDS * 1000) {
        const now = await recount(lab)
        if (now.settings.standbys !== lab.settings.standbys) return now
        counted = began
      }
      const probed = await it.probes.round(pair, belief.failures > 0)
      const inDoubt = probed.seen.down !== undefined || probed.seen.writesRefused || probed.gone !== undefined
      const busy = inDoubt && (await isHeld(lab))
      pair = probed.pair
      belief = afterRound(belief, { ...probed.seen, busy }, limits)
      it.news.round(pair, belief, busy)
      if (belief.verdict === 'healthy') it.attempts.forget()
      if (belief.verdict === 'dead' && performance.now() >= notBefore) {
        acting = true
        if (await replace(it, pair, belief)) belief = HEALTHY
        else notBefore = performance.now() + RETRY_SECONDS * 1000
        acting = false
      }
      missed = afterMissing(it, missed, probed, busy)
      if (missed?.belief.verdict === 'dead' && belief.failures === 0 && performance.now() >= notBefore) {
        acting = true
        if (await pointFollowers(it, missed)) missed = undefined
        else notBefore = performance.now() + RETRY_SECONDS * 1000
        acting = false
      }
      await pause(Math.max(0, began + INTERVAL_MS - performance.now()), undefined, { signal: interruption.signal })
    }
  } catch (error) {
    // An interruption is the normal end of a watch, but not in the middle of a failover.
    if (acting || !interruption.signal.aborted) throw error
  } finally {
    it.probes.end()
  }
  return undefined
}

/** The lab with as many standbys as it has now; an engine that does not answer changes nothing. */
const recount = (lab: Lab): Promise<Lab> =>
  withItsShape(lab).catch((error: unknown) => {
    if (!(error instanceof LabError) || interruption.signal.aborted) throw error
    return lab
  })

async function assertThere(lab: Lab): Promise<void> {
  await assertOwn(lab)
  await assertHere(lab)
  const containers = await containersOf(lab, lab.databases)
  // One that was removed is a silent one.
  if (containers.every(({ state }) => state === 'absent'))
    throw labError('NOT_SET_UP', { lab: lab.name, missing: 'database' })
}

/** A standby that others follow, and what is believed of it. */
type Missed = { readonly node: DatabaseNode; readonly belief: Belief }

function afterMissing(
  { limits }: Watch,
  before: Missed | undefined,
  { gone, seen }: Probed,
  busy: boolean,
): Missed | undefined {
  if (gone === undefined) return undefined
  const belief = before?.node === gone.node ? before.belief : HEALTHY
  const round: Round = { ...{ at: seen.at, down: gone.down, busy }, ...NOT_ASKED }
  return { node: gone.node, belief: afterRound(belief, round, { ...limits, failures: FAILURES_OF_STANDBY }) }
}

const NOT_ASKED = { returning: false, inside: undefined, across: undefined, writesRefused: false } as const

/** Points those that followed it at the primary. If that does not work, it tells why and gives false. */
async function pointFollowers({ lab, probes, news, attempts }: Watch, { node, belief }: Missed): Promise<boolean> {
  try {
    const done = await changing(lab, () => retarget(lab, probes.observer, node, attempts.next()))
    if (done !== undefined) news.retargeted(done, belief.why ?? '')
    return true
  } catch (error) {
    if (!(error instanceof LabError) || interruption.signal.aborted) throw error
    if (error.code !== 'BUSY') news.refused(error)
    return false
  }
}

/** Makes the standby the primary. If that is refused, it tells why and gives false. */
async function replace(it: Watch, pair: Pair, belief: Belief): Promise<boolean> {
  const { lab, probes, news, attempts } = it
  if (pair.primary === undefined) return true
  const detection = { suspected: epoch(belief.since ?? performance.now()), detected: epoch(performance.now()) }
  news.decided(pair.primary.name, belief, detection)
  // The standby that was named may have become the primary that is dead now.
  const options = it.options.to === pair.primary.name ? { ...it.options, to: undefined } : it.options
  try {
    const done = await changing(lab, async (): Promise<Failover | undefined> => {
      if (pair.standby === undefined)
        throw labError('NOTHING_TO_PROMOTE', { seen: `${belief.why}; no standby answers` })
      const { observer } = probes
      const seen = await observer.look(ANSWER_SECONDS)
      if (!(await isStillDead(it, seen, pair, belief))) return undefined
      return replacePrimary({ lab, observer, started: detection.detected, seen }, options, attempts.next())
    })
    if (done !== undefined) news.failedOver(done, detection)
    return true
  } catch (error) {
    if (!(error instanceof LabError) || interruption.signal.aborted) throw error
    // Another command was first, and may be changing what was seen.
    if (error.code === 'BUSY') return true
    news.refused(error)
    return false
  }
}

/** Whether the primary is still dead, now that no other command can change the lab. */
async function isStillDead(
  { probes, limits }: Watch,
  seen: readonly Sight[],
  pair: Pair,
  belief: Belief,
): Promise<boolean> {
  const isDown = seen.some(({ node, state }) => node === pair.primary && state !== 'running')
  if (isDown && membersOf(seen).primary === undefined) return true
  const { pair: now, seen: round } = await probes.round(pair, true)
  const still = now.primary?.name === pair.primary?.name
  return still && afterRound(belief, { ...round, busy: false }, limits).verdict === 'dead'
}

const epoch = (clock: number): number => performance.timeOrigin + clock
