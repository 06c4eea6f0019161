import { act } from '../../docker/command.ts'
import { changing } from '../../docker/leftovers.ts'
import { LabError, labError } from '../../errors.ts'
import { untilNodes } from '../../faults/waiting.ts'
import { bytesOf, lsnOf } from '../../lsn.ts'
import { controlFileOf } from '../../postgres/data.ts'
import { observe } from '../../postgres/observe.ts'
import { openSession } from '../../postgres/session.ts'
import { type Answering, lookAtDatabases, type Sight } from '../../postgres/sights.ts'
import { slotStatements } from '../../postgres/slots.ts'
import { change } from '../../postgres/sql.ts'
import { readStartNote, writeStartNote } from '../../postgres/start-note.ts'
import { pointSight } from '../../postgres/upstream.ts'
import { ASYNC, type Choice, choiceOf, choiceText, levelInForce } from '../../rules/durability.ts'
import { assertSettings } from '../../rules/failover-plan.ts'
import { membersOf, receivedOf, seenOf, splitBrain } from '../../rules/members.ts'
import { isReached, toPointAt } from '../../rules/upstreams.ts'
import type { Reporter, Tell, Telling } from '../../steps.ts'
import { type DatabaseNode, databaseNamed, type Lab, othersOf } from '../../topology/topology.ts'
import { until } from '../../wait.ts'
import { streaming } from '../following.ts'
import { inForce } from '../level.ts'
import type { Switchover, SwitchoverOptions } from '../manager.ts'
import { serving } from '../serving.ts'
import { knock } from './fencing.ts'
import { statementsOf } from './level.ts'
import { PROMOTE, promote } from './promotion.ts'
import { backlogOf, backlogPhrase, endReports, freeReplay, type Way, wayBy } from './replay.ts'

/** The most bytes of WAL that the standby may lack at the start: they are sent while nobody can write. */
const MAX_LAG = 16 * 1024 * 1024
/** Seconds, before `patience`, in which the standby has to replay the rest; otherwise the switchover is undone. */
const CATCH_UP_SECONDS = 5
/** Seconds, before `patience`, that a connection from another database to the standby may take. */
const KNOCK_SECONDS = 2

/** `receives`: WAL comes to it now. One that has a fault of its own is pointed too, but nobody waits for it. */
type Other = { readonly seen: Sight; readonly upstream: DatabaseNode; readonly receives: boolean }

type Roles = {
  readonly from: DatabaseNode
  readonly to: DatabaseNode
  /** The other standbys, and the database that each of them follows afterwards. */
  readonly others: readonly Other[]
  readonly choice: Choice
  readonly stopped: boolean
}

/**
 * Swaps the roles of primary and standby and loses nothing. The primary shuts down; when the standby has all of its WAL, it
 * is promoted; then the old primary follows it. If the standby does not catch up, everything is undone. The next run
 * finishes a switchover that was interrupted.
 */
export const switchover = (
  lab: Lab,
  { to: wanted, endReports: ends }: SwitchoverOptions,
  { step }: Reporter,
): Promise<Switchover> =>
  changing(lab, async () => {
    const roles = await step('Check', async (it) => {
      const sights = await lookAtDatabases(lab)
      const found = await rolesOf(lab, sights, wanted)
      const standby = membersOf(sights).standbys.find(({ node }) => node === found.to)
      if (!found.stopped && standby !== undefined) {
        await seeThatItReplays(wayFor(lab, found, it), standby, ends)
        await seeThatItIsReached(lab, found)
      }
      const left = found.others.filter(({ receives }) => !receives).map(({ seen }) => seen.node.name)
      if (left.length > 0) it.say(`${left.join(' and ')} receives nothing now: rejoin brings it back afterwards`)
      it.retitle(`Check: from ${found.from.name} to ${found.to.name}, at ${choiceText(found.choice)}`)
      return found
    })
    const { from, to, others, choice } = roles
    await step('Prepare both for their new roles', ({ tell }) => prepare(tell, lab, roles))
    const began = await step('Shut down the primary', async ({ tell }) => {
      const now = performance.now()
      // A fast shutdown ends the sessions and waits until the standby has received all WAL.
      if (!roles.stopped) await act(tell, ['stop', from.container])
      return now
    })
    await step("Wait until the standby has all of the primary's WAL", (it) =>
      caughtUp(wayFor(lab, roles, it), roles, ends).catch(async (error) => {
        if (!(error instanceof LabError)) throw error
        await undo(it.tell, lab, roles)
        throw labError('SWITCHOVER_UNDONE', {
          ...{ standby: to.name, container: to.container, primary: from.name },
          seen: error.message,
        })
      }),
    )
    const { timeline } = await step('Promote the standby', (it) =>
      promote(wayFor(lab, roles, it), PROMOTE, othersOf(lab, to).flatMap(slotStatements)),
    )
    const withoutPrimary = await step('Start the old primary as a standby, and serve', async ({ tell }) => {
      const pointed = others.filter(({ upstream }) => upstream === to)
      const back = Promise.all([follow(tell, lab, roles), ...pointed.map(({ seen }) => pointSight(tell, seen, to))])
      // If commits wait for the standby, no write is acknowledged before it follows.
      const taken = Promise.all([serving(lab, timeline), choice.level === 'async' ? undefined : back])
      const [, seconds] = await Promise.all([back, taken.then(() => (performance.now() - began) / 1000)])
      // Remove what only a primary needs: as a standby it must not wait for another.
      await change(tell, from, ...statementsOf(ASYNC, []), 'select pg_reload_conf()')
      for (const { seen, upstream, receives } of others) if (receives) await streaming(lab, upstream, seen.node, 30)
      return seconds
    })
    return { primary: to.name, standby: from.name, timeline, withoutPrimary, ...choice }
  })

/** How the standby is asked during a step. */
const wayFor = (lab: Lab, { to }: Roles, { tell, say }: Telling): Way => wayBy(tell, say, lab, to)

async function rolesOf(lab: Lab, sights: readonly Sight[], wanted: string | undefined): Promise<Roles> {
  const named = wanted === undefined ? undefined : databaseNamed(lab, wanted)
  const { primary, rivals, standbys } = membersOf(sights)
  if (rivals.length > 0) throw splitBrain(sights)
  if (primary === undefined) return interrupted(sights)
  if (named === primary.node) throw labError('ALREADY_PRIMARY', { node: named.name })
  const standby = standbys.find((it) => isReached(it, sights) && (named === undefined || it.node === named))
  if (standby === undefined)
    throw labError('SWITCHOVER_NOT_READY', {
      seen: `${seenOf(sights)}; ${named?.name ?? 'nobody'} ${named ? 'does not stream' : 'streams'}`,
    })
  const { name, container } = standby.node
  assertSettings(standby)
  if (standby.facts.replayPaused) throw labError('REPLAY_PAUSED', { node: name, container })
  const behind = bytesOf(primary.facts.lsn ?? '0/0') - bytesOf(receivedOf(standby))
  if (behind > MAX_LAG) throw labError('STANDBY_BEHIND', { node: name, bytes: Number(behind) })
  const choice = { level: levelInForce(primary.facts) ?? 'async', rule: choiceOf(primary.facts).rule }
  return { ...pairOf(sights, primary.node, standby), choice, stopped: false }
}

/** An earlier switchover was interrupted after the shutdown and before the promotion. */
async function interrupted(sights: readonly Sight[]): Promise<Roles> {
  const down = sights.filter(({ state }) => state === 'exited')
  const notes = await Promise.all(down.map(({ node }) => readStartNote(node)))
  const index = notes.findIndex((note) => note.do === 'follow' && !note.fenced)
  const [from, note] = [down[index]?.node, notes[index]]
  const standby = membersOf(sights).standbys.find(({ node }) => note?.do === 'follow' && node.name === note.from)
  if (standby === undefined || from === undefined) throw labError('NO_PRIMARY', { seen: seenOf(sights) })
  return { ...pairOf(sights, from, standby), choice: choiceOf(standby.facts), stopped: true }
}

function pairOf(sights: readonly Sight[], from: DatabaseNode, standby: Answering) {
  const to = standby.node
  const rest = sights.filter(({ node }) => node !== from && node !== to)
  const toPoint = toPointAt(standby, rest)
  const isStopped = sights.some(({ node, facts }) => node === from && facts === undefined)
  const others = rest.map((seen) => {
    const own = rest.find(({ node }) => node.name === seen.facts?.upstream)
    const upstream = own === undefined || toPoint.includes(seen) ? to : own.node
    return { seen, upstream, receives: isStopped ? seen.facts !== undefined : isReached(seen, sights) }
  })
  return { from, to, others }
}

/** Everything that can be done before a node is stopped. It does not change what the two do now. */
async function prepare(tell: Tell, lab: Lab, { from, to, others, choice }: Roles): Promise<void> {
  // The new primary has the present level from its first commit on: until the old primary follows, commits wait.
  const follows = (node: DatabaseNode) => others.some(({ seen, upstream }) => seen.node === node && upstream === to)
  const direct = lab.databases.filter((node) => node === from || follows(node)).map((node) => ({ node }))
  const slots = othersOf(lab, to).flatMap(slotStatements)
  await change(tell, to, ...statementsOf(choice, direct), ...slots, 'select pg_reload_conf()')
  await writeStartNote(tell, from, { do: 'follow', from: to.name })
}

/** Checks, before a node is stopped, that the standby replays what it receives. */
async function seeThatItReplays(way: Way, standby: Answering, ends: boolean): Promise<void> {
  const { name, container } = standby.node
  const delay = await way.ask('show recovery_min_apply_delay')
  if (delay !== '0') throw labError('STANDBY_DELAYED', { node: name, container, delay })
  await freeReplay(way, { ends, target: receivedOf(standby) })
}

/** Checks, before a node is stopped, that each one that will follow the standby gets a connection to it. */
async function seeThatItIsReached(lab: Lab, { from, to, others }: Roles): Promise<void> {
  const pointed = others.filter(({ upstream, receives }) => upstream === to && receives)
  const followers = [from, ...pointed.map(({ seen }) => seen.node)]
  const looks = followers.map(async (node) => {
    const session = openSession(node)
    return knock(lab, to, session, KNOCK_SECONDS).finally(session.end)
  })
  const [closed] = (await Promise.all(looks)).flatMap((seen, index) => (seen === 'open' ? [] : [followers[index]]))
  if (closed !== undefined)
    throw labError('SWITCHOVER_NOT_READY', { seen: `${closed.name} gets no connection to ${to.name}` })
}

/** Waits until the standby has replayed the shutdown checkpoint of the primary. */
async function caughtUp(way: Way, { from, to }: Roles, ends: boolean): Promise<void> {
  const control = await controlFileOf(from)
  if (!control?.shutDown)
    throw labError('DATABASE_SILENT', { node: from.name, problem: 'it did not shut down cleanly' })
  const what = `${to.name} to replay the last checkpoint of ${from.name} at ${lsnOf(control.checkpoint)}`
  await until(what, { seconds: CATCH_UP_SECONDS, patience: way.patience }, async () => {
    const backlog = await backlogOf(way)
    if (bytesOf(backlog.replayed ?? '0/0') > control.checkpoint) return { done: undefined }
    if (ends) await endReports(way, backlog)
    return { seen: backlogPhrase(backlog) }
  })
}

/** Starts the old primary as the standby of the new one, and waits until the level is in force with it. */
async function follow(tell: Tell, lab: Lab, { from, to, choice }: Roles): Promise<void> {
  try {
    await act(tell, ['start', from.container])
    await streaming(lab, to, from, 30)
    if (choice.level !== 'async') await inForce(tell, lab, to, choice)
  } catch (error) {
    // Otherwise commits would wait for a standby that does not come.
    if (choice.level !== 'async') await change(tell, to, ...statementsOf(ASYNC, []), 'select pg_reload_conf()')
    throw error
  }
}

/** Undoes it all: the old primary starts as the primary again. */
async function undo(tell: Tell, lab: Lab, { from, to }: Roles): Promise<void> {
  await writeStartNote(tell, from, { do: 'keep' })
  await act(tell, ['start', from.container])
  await change(tell, to, ...statementsOf(ASYNC, []), 'select pg_reload_conf()')
  // This does not wait until the standby streams: what blocked its replay may block that as well.
  await untilNodes(lab, { what: `${from.name} to be the primary again`, seconds: 30, needs: [from] }, async () => {
    const facts = await observe(lab, from)
    if ('unreachable' in facts) return { seen: facts.unreachable }
    return facts.inRecovery ? { seen: 'it is in recovery' } : { done: undefined }
  })
}
