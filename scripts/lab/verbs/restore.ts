import { setTimeout as pause } from 'node:timers/promises'
import { createNode, creation, removeNodes } from '../docker/creation.ts'
import { imagesOf } from '../docker/images.ts'
import { changing } from '../docker/leftovers.ts'
import { ensureNetwork } from '../docker/network.ts'
import { ABSENT, containersOf, lastLines, startNode } from '../docker/nodes.ts'
import { LabError, labError } from '../errors.ts'
import { interruption } from '../interruption.ts'
import { observe } from '../postgres/observe.ts'
import { type Archive, archiveOf, type Backup, readArchive } from '../postgres/repository.ts'
import { lookAtDatabases, type Sight } from '../postgres/sights.ts'
import { ask, change } from '../postgres/sql.ts'
import { readStartNote, writeStartNote } from '../postgres/start-note.ts'
import { type LostVote, votesOnlyOn } from '../postgres/votes.ts'
import { leftBefore, missingAfter, timelineAt, wayTo } from '../rules/history.ts'
import { membersOf } from '../rules/members.ts'
import { assertArchived, type Goal, goalText, type RestorePlan, restorePlan } from '../rules/restore-plan.ts'
import { readSecrets } from '../state/secrets.ts'
import type { Reporter, Say, Tell } from '../steps.ts'
import type { AnyDatabase, DatabaseName, Lab } from '../topology/topology.ts'
import { untilArrives } from './backup.ts'

/** A database that was restored beside the lab, and how it differs from the primary now. */
export type Restored = {
  readonly node: 'db-restored'
  readonly goal: string
  /** The label of the backup that it was made from. */
  readonly backup: string
  /** The timeline that was replayed. */
  readonly along: number
  /** The LSN at which replay ended, and when the last commit was made that it replayed; null if it replayed none. */
  readonly replayedTo: string
  readonly lastCommit: string | null
  /** The timeline that the lab was on at the moment, if replay left it before that; null if it did not. */
  readonly left: number | null
  /** The segment that is missing, if it was restored up to a gap instead of to the end of the archive; else null. */
  readonly gap: string | null
  /** Its own timeline: nobody else is on it. */
  readonly timeline: number
  readonly votes: number
  readonly polls: number
  /** The primary that it was compared with; null if none answered. */
  readonly primary: DatabaseName | null
  /** Votes that it has and the primary lacks now. */
  readonly onlyThere: readonly LostVote[]
  /** Votes that the primary has and it lacks: most were cast later. */
  readonly lacks: readonly LostVote[]
  readonly plan: RestorePlan
}

/**
 * Restores a database beside the lab, which goes on. It serves nobody, and can be read and written with psql.
 * @param replaces one that is there already is removed
 */
export const restoreBeside = (
  lab: Lab,
  goal: Goal,
  timeline: number | undefined,
  replaces: boolean,
  { step }: Reporter,
): Promise<Restored> =>
  changing(lab, async () => {
    const sights = await lookAtDatabases(lab)
    const plan = await step('Check', async ({ retitle }) => {
      const found = restorePlan(await archiveOf(lab, sights), goal, timeline, Date.now())
      if (!replaces) await assertFree(lab)
      retitle(`Check: from the backup ${found.backup.label} along timeline ${found.timeline} to ${goalText(goal)}`)
      return found
    })
    await archiveTheRest(lab, sights, { step })
    const archive = await archiveOf(lab, sights)
    assertArchived(archive, goal, plan)
    await step(`Make ${lab.restored.name}`, ({ tell }) => make(tell, lab, plan))
    await step(`Restore ${lab.restored.name} and replay WAL`, ({ say }) =>
      untilRestored(say, lab, lab.restored, goal, plan, archive).catch(async (error: unknown) => {
        // What is not whole is of no use to anybody.
        if (error instanceof LabError && !interruption.signal.aborted) await removeNodes(() => {}, lab, [lab.restored])
        throw error
      }),
    )
    return step('Compare its votes with those of the primary', () => compared(lab, goal, plan, archive, sights))
  })

/** Only one at a time, and one that somebody may still need is not removed. One that was not finished is. */
async function assertFree(lab: Lab): Promise<void> {
  const there = await besideOf(lab)
  if (there?.whole) throw labError('RESTORED_THERE', { what: there.says })
}

/** What stands beside the lab. `whole`: it was restored to its end. */
export type Beside = { readonly whole: boolean; readonly says: string; readonly container: string }

/** The database that was restored beside the lab; undefined if there is none. */
export async function besideOf(lab: Lab): Promise<Beside | undefined> {
  const { restored } = lab
  const [{ state } = ABSENT] = await containersOf(lab, [restored])
  if (state === 'absent') return undefined
  const { container } = restored
  const note = await readStartNote(restored)
  if (note.do === 'restore' || state === 'created')
    return { whole: false, says: 'its restore was interrupted', container }
  if (state !== 'running') return { whole: true, says: `its container is ${state}`, container }
  const facts = await observe(lab, restored)
  if ('unreachable' in facts) return { whole: false, says: `it does not answer: ${facts.unreachable}`, container }
  if (facts.inRecovery) return { whole: false, says: `it replays WAL, and is at ${facts.lsn}`, container }
  return { whole: true, says: await ask(lab, restored, GOAL), container }
}

const GOAL = `
  select 'restored to ' || coalesce(nullif(current_setting('recovery_target_time'), ''),
    'LSN ' || nullif(current_setting('recovery_target_lsn'), ''), 'the mark ' || nullif(current_setting('recovery_target_name'), ''),
    'the end of the archive') || ', on timeline ' || timeline_id || ', with ' || (select count(*) from vote) || ' votes'
  from pg_control_checkpoint()`

/**
 * Has all WAL archived, also what the primary still has of an older timeline. A restore to a moment ends with the first commit
 * after it: without one PostgreSQL could not know that the moment is over.
 */
async function archiveTheRest(lab: Lab, sights: readonly Sight[], { step }: Pick<Reporter, 'step'>): Promise<void> {
  const { primary } = membersOf(sights)
  if (primary === undefined) return
  const { node } = primary
  if (!(await readArchive(node)).on) return
  await step('Archive what was written last', async ({ tell, retitle }) => {
    await change(
      tell,
      node,
      'set synchronous_commit = local',
      "select from pg_logical_emit_message(true, 'restore', '')",
    )
    await untilArrives(tell, lab, node).catch((error: unknown) => {
      if (!(error instanceof LabError) || interruption.signal.aborted) throw error
      retitle('Archive what was written last: it does not arrive; zx scripts/backup.ts check says more')
    })
  })
}

/** Makes a new container and volume, with a note that says what it restores at its start. */
async function make(tell: Tell, lab: Lab, { restoring }: RestorePlan): Promise<void> {
  const { restored } = lab
  await removeNodes(tell, lab, [restored])
  const [images, secrets] = await Promise.all([imagesOf(lab.settings), readSecrets(lab)])
  if (secrets === undefined) throw labError('NOT_SET_UP', { lab: lab.name, missing: 'password' })
  const parts = { images, secrets, network: await ensureNetwork(tell, lab) }
  await createNode(tell, lab, restored, creation(lab, restored, parts))
  await writeStartNote(tell, restored, { do: 'restore', ...restoring })
  await startNode(tell, lab, restored)
}

const LOOK_AGAIN_MS = 100
/** How PostgreSQL ends if the WAL is over before the target. */
const ENDS = /recovery ended before configured recovery target was reached/

/** Waits as long as it goes on: how long depends on the size of the data. */
export async function untilRestored(
  say: Say,
  lab: Lab,
  node: AnyDatabase,
  goal: Goal,
  { backup, timeline }: RestorePlan,
  archive: Archive,
): Promise<void> {
  let said = ''
  for (;;) {
    const [{ state, restarts } = ABSENT] = await containersOf(lab, [node])
    if (state === 'absent' || state === 'exited' || restarts > 0)
      throw await ended(node, goal, backup, timeline, archive)
    const facts = await observe(lab, node)
    if (!('unreachable' in facts)) {
      if (!facts.inRecovery) return
      if (facts.lsn !== null && facts.lsn !== said) say(`replayed up to ${facts.lsn}`)
      said = facts.lsn ?? said
    }
    await pause(LOOK_AGAIN_MS, undefined, { signal: interruption.signal })
  }
}

async function ended(
  node: AnyDatabase,
  goal: Goal,
  backup: Backup,
  timeline: number,
  archive: Archive,
): Promise<LabError> {
  const log = await lastLines(node, 60)
  const last = /last completed transaction was at log time (.*)$/m.exec(log)?.[1]
  if (ENDS.test(log))
    return labError('ARCHIVE_ENDS', {
      ...{ goal: goalText(goal), node: node.name, set: backup.label, timeline },
      ...whyNot(goal, backup, timeline, archive),
      end: last === undefined ? 'it has no commit' : `its last commit is of ${last}`,
    })
  return labError('BACKUP_FAILED', { command: 'restore', said: log.split('\n').slice(-8).join('\n') })
}

/** Why replay did not come to the goal, and what helps. */
function whyNot(goal: Goal, backup: Backup, timeline: number, archive: Archive): { why: string; remedy: string } {
  const gap = missingAfter(backup, wayTo(timeline, archive.branches), archive)
  if (gap !== undefined)
    return {
      why: `: segment ${gap} is missing, and WAL after it cannot be replayed`,
      remedy: 'choose an earlier goal, or zx scripts/restore.ts --end, which goes up to the gap',
    }
  const then = goal.kind === 'time' ? timelineAt(archive, goal.at) : timeline
  if (then !== timeline)
    return {
      why: `: at that moment the lab was on timeline ${then}`,
      remedy: `go along that one: zx scripts/restore.ts --to … --timeline ${then}`,
    }
  return {
    why: '',
    remedy: 'choose an earlier goal, or zx scripts/restore.ts --end; zx scripts/backup.ts list shows other timelines',
  }
}

async function compared(
  lab: Lab,
  goal: Goal,
  plan: RestorePlan,
  archive: Archive,
  sights: readonly Sight[],
): Promise<Restored> {
  const { restored } = lab
  const { primary } = membersOf(sights)
  const [counts, facts, onlyThere, lacks] = await Promise.all([
    ask(lab, restored, COUNTED),
    observe(lab, restored),
    primary ? votesOnlyOn(lab, restored, primary.node) : [],
    primary ? votesOnlyOn(lab, primary.node, restored) : [],
  ])
  const [votes = '0', polls = '0', replayedTo = '', lastCommit = ''] = counts.split('|')
  const left = goal.kind === 'time' ? leftBefore(archive, plan.timeline, goal.at, replayedTo) : undefined
  if ('unreachable' in facts) throw labError('DATABASE_SILENT', { node: restored.name, problem: facts.unreachable })
  return {
    ...{ node: restored.name, goal: goalText(goal), backup: plan.backup.label, along: plan.timeline },
    ...{ replayedTo, lastCommit: lastCommit || null, left: left ?? null },
    gap:
      goal.kind === 'end' ? (missingAfter(plan.backup, wayTo(plan.timeline, archive.branches), archive) ?? null) : null,
    ...{ timeline: facts.timeline ?? 0, votes: Number(votes), polls: Number(polls) },
    ...{ primary: primary?.node.name ?? null, onlyThere, lacks, plan },
  }
}

// A database that was promoted still knows how far it had replayed.
const COUNTED = `
  select (select count(*) from vote), (select count(*) from poll), pg_last_wal_replay_lsn(),
    to_char(pg_last_xact_replay_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS"+00"')`

/** Removes the database beside the lab, with its data. Gives whether there was one. */
export const removeBeside = (lab: Lab, { step }: Reporter): Promise<boolean> =>
  changing(lab, async () => {
    const [{ state } = ABSENT] = await containersOf(lab, [lab.restored])
    await step(`Remove ${lab.restored.name}`, ({ tell }) => removeNodes(tell, lab, [lab.restored]))
    return state !== 'absent'
  })
