import { labError } from '../errors.ts'
import { many } from '../numbers.ts'
import type { Archiver } from '../postgres/archiver.ts'
import { PGBACKREST, pgbackrestFailed, readArchive, runPgbackrest } from '../postgres/repository.ts'
import { lookAtDatabases } from '../postgres/sights.ts'
import { type Gap, gapsIn, gapText } from '../rules/history.ts'
import { primaryOf } from '../rules/members.ts'
import { exclusively } from '../state/lock.ts'
import type { Reporter, Tell } from '../steps.ts'
import type { DatabaseNode, Lab } from '../topology/topology.ts'
import { assertItsOwn, untilArrives } from './backup.ts'

/** What is wrong with the repository, and what repairs it. */
export type Checked = {
  readonly on: boolean
  readonly archiver: Archiver | null
  /** Whether a new segment arrived; null if archiving is off. */
  readonly arrives: boolean | null
  /** Segments that are missing, with the backup that cannot be replayed past them. */
  readonly gaps: readonly { readonly backup: string; readonly segment: string }[]
  /** What pgBackRest's own verify found: files that are missing or do not have their checksum. */
  readonly broken: readonly string[]
  readonly problems: readonly string[]
  /** What is missing, but the newest backup does not need. */
  readonly notes: readonly string[]
}

/** Whether WAL arrives, and whether what is in the repository can be restored. It reads every file. */
export const checkBackups = (lab: Lab, { step }: Reporter): Promise<Checked> =>
  exclusively(
    lab,
    async () => {
      const primary = primaryOf(await lookAtDatabases(lab))
      const archive = await readArchive(primary.node)
      const { on, backups } = archive
      if (backups.length === 0) throw labError('NO_BACKUP')
      // Of a segment that is there already, pgBackRest would say that it has arrived.
      await assertItsOwn(lab, primary, archive)
      const arrives = on
        ? await step('Check that WAL arrives', ({ tell, retitle }) =>
            untilArrives(tell, lab, primary.node).then(
              () => true,
              () => {
                retitle('Check that WAL arrives: it does not')
                return false
              },
            ),
          )
        : null
      const broken = await step('Read every file of the repository', ({ tell }) => verify(tell, primary.node))
      const { archiver } = primaryOf(await lookAtDatabases(lab)).facts
      const found = gapsIn(await readArchive(primary.node))
      return {
        ...{ on, archiver, arrives, broken },
        gaps: found.map(({ backup, segment }) => ({ backup: backup.label, segment })),
        problems: problemsOf(primary.node, arrives, archiver, found, broken),
        notes: found.filter(({ after }) => after !== undefined).map(gapText),
      }
    },
    'backup',
  )

function problemsOf(
  { container }: DatabaseNode,
  arrives: boolean | null,
  archiver: Archiver | null,
  gaps: readonly Gap[],
  broken: Checked['broken'],
): readonly string[] {
  const again = 'zx scripts/backup.ts makes a new backup, from which everything after it can be restored'
  return [
    ...(arrives === null
      ? ['archiving is off: what is written now cannot be restored; zx scripts/backup.ts switches it on']
      : []),
    ...(arrives === false
      ? [
          `WAL does not arrive${archiver?.failsSince ? `, since ${archiver.failsSince}` : ''}${waiting(archiver)}; zx scripts/fault.ts list shows a fault; docker logs ${container} says more`,
        ]
      : []),
    ...gaps.filter(({ after }) => after === undefined).map(gapText),
    ...broken.map((what) => `${what}; ${again}`),
  ]
}

/** What waits; the segment that cannot be archived now may be the first. */
const waiting = (archiver: Archiver | null): string =>
  archiver === null || archiver.waiting === 0 ? '' : `: ${many(archiver.waiting, 'segment waits', 'segments wait')}`

/** Exit code of pgBackRest for an option that it does not know. */
const UNKNOWN_OPTION = 31

/** Every file of the repository with its checksum. A segment that is missing between two others it does not notice. */
async function verify(tell: Tell, node: DatabaseNode): Promise<readonly string[]> {
  const verified = (...args: readonly string[]) => {
    tell(`docker exec ${node.container} ${[...PGBACKREST, ...args].join(' ')}`)
    return runPgbackrest(node, ...args)
  }
  const first = await verified('--output=text', '--verbose', 'verify')
  // Old versions know no such options, and tell the same in their log.
  const ran = first.exit === UNKNOWN_OPTION ? await verified('--log-level-console=info', 'verify') : first
  const lines = ran.stdout.split('\n').map((line) => line.trim())
  const broken = lines.flatMap((line, index) => {
    const of = /^(?:archiveId: |backup: )/.test(line) ? line.split(',')[0] : undefined
    const counts = lines[index + 1] ?? ''
    const bad = [...counts.matchAll(/([a-z ]+): ([1-9]\d*)/g)].map(([, what = '', count]) => `${count} ${what.trim()}`)
    return of === undefined || bad.length === 0 ? [] : [`damaged files (${of}): ${bad.join(', ')}`]
  })
  if (ran.exit !== 0 && broken.length === 0) throw pgbackrestFailed('verify', ran)
  return broken
}
