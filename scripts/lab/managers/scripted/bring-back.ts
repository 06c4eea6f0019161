import { hasFile } from '../../docker/volume.ts'
import { labError } from '../../errors.ts'
import { unarchivedOn } from '../../postgres/archiver.ts'
import type { Facts } from '../../postgres/observe.ts'
import type { Answering } from '../../postgres/sights.ts'
import { isHalfWay, readStartNote } from '../../postgres/start-note.ts'
import type { CauseName } from '../../rules/causes.ts'
import { type Hindrance, hasNothingOfItsOwn } from '../../rules/hindrance.ts'
import type { Reporter } from '../../steps.ts'
import type { DatabaseNode, Lab } from '../../topology/topology.ts'
import { untilFollows } from '../following.ts'
import { catchUp, caughtUp, IN_PLACE, type Roles } from '../hindrances.ts'
import { type LeftBehind, leftBehind } from '../left-behind.ts'
import type { Rejoined, RejoinOptions } from '../manager.ts'
import { fence, putDown } from './fencing.ts'
import { type Followed, followNewPrimary, prepareFor } from './rebuild.ts'

/** What the upstream has no more may be in the archive. */
const FROM_ARCHIVE: ReadonlySet<CauseName> = new Set<CauseName>(['slot-lost', 'wal-removed'])

/** Why only a copy helps, and whether the copy loses nothing. */
type ReasonToCopy = { readonly why: string; readonly losesNothing: boolean }

export const reasonToCopy = (left: Hindrance | 'unknown', primary: Answering, own: Facts | undefined) =>
  left !== 'unknown' && left.mending === 'copy'
    ? { why: left.says, losesNothing: hasNothingOfItsOwn(primary, own) }
    : undefined

/**
 * Repairs what keeps a database from following, one cause after the other, as long as its data can stay as it is. Gives the
 * cause that is left: `unknown` if something else is wrong, undefined if it follows.
 */
export async function mendInPlace(
  lab: Lab,
  roles: Roles,
  found: Hindrance | 'unknown',
  reporter: Reporter,
): Promise<{ readonly left: Hindrance | 'unknown' | undefined; readonly why: string | null }> {
  const { node, upstream, primary } = roles
  const tried = new Set<string>()
  let left: Hindrance | 'unknown' | undefined = found
  const whys: string[] = []
  while (left !== undefined && left !== 'unknown') {
    const { cause, mending, says, fix } = left
    const archived = primary.facts.archiver !== null && FROM_ARCHIVE.has(cause) && !tried.has(cause)
    const mend = archived ? catchUp : IN_PLACE[mending]
    const hopeless = mending === 'hand' || (mend !== undefined && tried.has(cause))
    if (hopeless) throw labError('HINDERED', { node: node.name, says, advice: fix })
    if (mend === undefined) break
    tried.add(cause)
    whys.push(says)
    await reporter.step(`Repair ${node.name}: ${says}`, ({ tell }) => mend(tell, roles))
    left = await reporter.step(`Wait until ${node.name} follows ${upstream.node.name}`, () =>
      untilFollows(lab, upstream.node, node, 60),
    )
    if (archived) await reporter.step(`${node.name} needs the archive no longer`, ({ tell }) => caughtUp(tell, roles))
  }
  return { left, why: whys.join('; ') || null }
}

/**
 * Makes a database a standby by a rewind, or by a copy; first it lists the votes that only this database has. Both take the
 * data from the primary; then it follows whom it has to.
 */
export async function bringBack(
  lab: Lab,
  { node, upstream, primary }: Roles,
  { copy, discard }: RejoinOptions,
  reporter: Reporter,
  reason?: ReasonToCopy,
): Promise<Rejoined> {
  const { step } = reporter
  const note = await readStartNote(node)
  const halfWay = isHalfWay(note) || note.do === 'restore'
  const empty = !halfWay && (note.do === 'fresh' || !(await hasFile(node, 'data/PG_VERSION')))
  const whole = !halfWay && !empty
  if (whole) await step(`Fence ${node.name}`, ({ tell }) => fence(tell, lab, node))
  const unarchived = whole && primary.facts.archiver !== null ? await unarchivedOn(node) : []
  const losesNothing = empty || (reason?.losesNothing ?? false)
  const left: LeftBehind =
    whole && !losesNothing
      ? await leftBehind(lab, primary.node, node, discard, reporter)
      : { votes: losesNothing ? [] : null, keptIn: null, unreadable: false }
  const why = halfWay
    ? 'an earlier rejoin was interrupted'
    : empty
      ? 'it has no data'
      : left.unreadable
        ? 'its data cannot be opened'
        : copy
          ? 'a copy was asked for'
          : (reason?.why ?? null)
  const source = { primary: primary.node, upstream: upstream.node }
  const senders = [...new Set([primary.node.name, upstream.node.name])].join(' and ')
  await step(`Make its slot on ${senders}`, ({ tell }) => prepareFor(tell, source, node))
  const followed = await step(
    `Rewind or copy ${node.name}, and start it as a standby`,
    async ({ tell, retitle }): Promise<Followed> => {
      if (!whole) await putDown(tell, lab, node)
      const it = await followNewPrimary(tell, lab, source, node, why === null ? 'rewind' : 'copy')
      const copied = `${node.name} was copied (${why ?? it.refused}), and streams`
      retitle(it.how === 'rewound' ? `${node.name} was rewound, and streams` : copied)
      return it
    },
  )
  const { votes: divergedVotes, keptIn } = left
  return { name: node.name, how: followed.how, why: why ?? followed.refused, divergedVotes, keptIn, unarchived }
}

/** The result for a database whose data stays as it is. */
export const untouched = ({ name }: DatabaseNode) => ({
  ...{ name, why: null, divergedVotes: [], keptIn: null, unarchived: [] },
})
