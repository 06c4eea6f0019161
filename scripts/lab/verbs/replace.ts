import { act } from '../docker/command.ts'
import { removeNodes } from '../docker/creation.ts'
import { changing } from '../docker/leftovers.ts'
import { LabError, labError } from '../errors.ts'
import { asPrimary } from '../managers/following.ts'
import type { Rejoin } from '../managers/manager.ts'
import { assertScripted, managerOf } from '../managers/manager-of.ts'
import { fence } from '../managers/scripted/fencing.ts'
import { serving } from '../managers/serving.ts'
import { archiveOf } from '../postgres/repository.ts'
import { lookAtDatabases } from '../postgres/sights.ts'
import { slotStatements } from '../postgres/slots.ts'
import { change } from '../postgres/sql.ts'
import { startNotesOf, writeStartNote } from '../postgres/start-note.ts'
import { votesOnlyOnStopped } from '../postgres/stopped-votes.ts'
import type { LostVote } from '../postgres/votes.ts'
import { membersOf, seenOf } from '../rules/members.ts'
import type { Goal } from '../rules/restore-plan.ts'
import { keepVotes, keptVotes } from '../state/kept-votes.ts'
import type { Reporter, Tell } from '../steps.ts'
import { type DatabaseName, type DatabaseNode, firstPrimaryOf, type Lab, othersOf } from '../topology/topology.ts'
import { restoreBeside, untilRestored } from './restore.ts'

/** A primary that was replaced by an earlier state of itself. */
export type Replaced = {
  readonly primary: DatabaseName
  readonly goal: string
  readonly timeline: number
  /** Votes that the lab had and has no more. */
  readonly lost: readonly LostVote[]
  /** Where they are kept. */
  readonly keptIn: string | null
  /** The list that an earlier run made, which was interrupted after that; null if none was. */
  readonly listedBefore: string | null
  /** Votes that are back. */
  readonly regained: readonly LostVote[]
  readonly standbys: Rejoin['standbys']
}

/**
 * Makes the lab as it was: restores its primary, and then its standbys from that. First it restores beside the lab, and lists the
 * votes that would be lost; with some it goes on only by `force`. With all databases fenced it lists them again, exactly. After an
 * interruption the next run goes on.
 */
export async function replacePrimary(
  lab: Lab,
  goal: Goal,
  timeline: number | undefined,
  force: boolean,
  reporter: Reporter,
): Promise<Replaced> {
  assertScripted(lab, 'restore --replace')
  const { step } = reporter
  // What an interrupted replacement left beside the lab is nobody's.
  const begun = [...(await startNotesOf(lab.databases)).values()].some((note) => note.fenced || note.do === 'restore')
  if (!force && !begun) {
    const sights = await lookAtDatabases(lab)
    // What nobody can compare with is not lost by mistake.
    if (membersOf(sights).primary === undefined) throw labError('NO_PRIMARY', { seen: seenOf(sights) })
  }
  const listedBefore = begun ? ((await keptVotes(lab, 'votes-before-restore')).at(-1) ?? null) : null
  const beside = await restoreBeside(lab, goal, timeline, force || begun, reporter)
  const { onlyThere: regained, plan } = beside
  if (beside.left !== null && timeline === undefined) {
    await discard(lab, step)
    throw labError('OTHER_TIMELINE', { goal: beside.goal, left: beside.left, along: beside.along })
  }
  if (beside.lacks.length > 0 && !force) {
    const error = loses(beside.goal, beside.lacks, await keepVotes(lab, 'votes-before-restore', beside.lacks))
    await discard(lab, step)
    throw error
  }
  const done = await changing(lab, async () => {
    const node = await nodeToReplace(lab)
    const archive = await archiveOf(lab, await lookAtDatabases(lab))
    await step('Fence all databases', ({ tell }) => Promise.all(lab.databases.map((it) => fence(tell, lab, it))))
    const { lost, keptIn } = await step(
      `List the votes of ${node.name} that will be lost`,
      async ({ tell, retitle }) => {
        const lost = await lostWith(tell, lab, node, beside.lacks)
        const keptIn = lost.length === 0 ? null : await keepVotes(lab, 'votes-before-restore', lost)
        retitle(
          `Votes of ${node.name} that will be lost: ${lost.length}${keptIn === null ? '' : `, kept in ${keptIn}`}`,
        )
        // They were cast after the first look.
        if (lost.length > 0 && !force) throw labError('CAST_MEANWHILE', { count: lost.length, file: keptIn ?? '' })
        return { lost, keptIn }
      },
    )
    await step(`Restore ${node.name} and replay WAL`, async ({ tell, say }) => {
      await removeNodes(tell, lab, [lab.restored])
      await writeStartNote(tell, node, { do: 'restore', ...plan.restoring })
      await act(tell, ['start', node.container])
      await untilRestored(say, lab, node, goal, plan, archive)
      await settle(tell, lab, node)
    })
    const { facts } = await asPrimary(lab, node)
    return { primary: node.name, timeline: facts.timeline ?? 0, lost, keptIn }
  })
  const { standbys } = await managerOf(lab).rejoin(lab, { copy: false, discard: false }, reporter)
  await step('Serve', () => serving(lab, done.timeline))
  return { ...done, goal: beside.goal, listedBefore, regained, standbys }
}

const discard = (lab: Lab, step: Reporter['step']): Promise<void> =>
  changing(lab, () => step('Change nothing', ({ tell }) => removeNodes(tell, lab, [lab.restored])))

/** The primary; if an earlier replacement was interrupted, the database that it had begun with. */
async function nodeToReplace(lab: Lab): Promise<DatabaseNode> {
  const notes = await startNotesOf(lab.databases)
  const begun = lab.databases.find(({ name }) => notes.get(name)?.do === 'restore')
  return begun ?? membersOf(await lookAtDatabases(lab)).primary?.node ?? firstPrimaryOf(lab)
}

/** Votes that a fenced database has and the restored one lacks; if its data cannot be read, those that were seen before. */
const lostWith = (
  tell: Tell,
  lab: Lab,
  node: DatabaseNode,
  before: readonly LostVote[],
): Promise<readonly LostVote[]> =>
  votesOnlyOnStopped(tell, lab, lab.restored, node).catch((error: unknown) => {
    if (error instanceof LabError && error.code === 'VOTES_UNREADABLE') return before
    throw error
  })

const loses = (goal: string, votes: readonly LostVote[], file: string): LabError =>
  labError('RESTORE_LOSES', { count: votes.length, goal, file, votes: listOf(votes) })

/** It is a primary like any other now: it forgets the restore, and has a slot for each of the others. */
async function settle(tell: Tell, lab: Lab, node: DatabaseNode): Promise<void> {
  const settings = ['restore_command', 'recovery_target_timeline', 'recovery_target_action']
  const targets = ['time', 'lsn', 'name'].map((it) => `recovery_target_${it}`)
  await change(
    tell,
    node,
    ...[...settings, ...targets].map((setting) => `alter system reset ${setting}`),
    ...othersOf(lab, node).flatMap(slotStatements),
    // For the servers these are new data: what they have seen of other data, perhaps on a higher timeline, counts no more.
    `alter database polling set lab.born = '${Date.now()}'`,
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'service'",
    'select pg_reload_conf()',
    'checkpoint',
  )
}

const LISTED = 10

const listOf = (votes: readonly LostVote[]): string =>
  votes
    .slice(0, LISTED)
    .map(({ user, option, question }) => `${user} for ${option} in ${question}`)
    .concat(votes.length > LISTED ? [`and ${votes.length - LISTED} more`] : [])
    .join('\n')
