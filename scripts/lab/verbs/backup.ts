import { setTimeout as pause } from 'node:timers/promises'
import { act } from '../docker/command.ts'
import { changing } from '../docker/leftovers.ts'
import { BACKUPS_FOLDER } from '../docker/volume.ts'
import { labError } from '../errors.ts'
import type { Archiver } from '../postgres/archiver.ts'
import {
  type Archive,
  archiveOf,
  type Backup,
  LOCKED,
  MARKS,
  type Mark,
  PGBACKREST,
  percentOf,
  pgbackrestFailed,
  readArchive,
  runBackup,
  runPgbackrest,
} from '../postgres/repository.ts'
import { type Answering, lookAtDatabases } from '../postgres/sights.ts'
import { ask, change } from '../postgres/sql.ts'
import { isAhead } from '../rules/history.ts'
import { primaryOf } from '../rules/members.ts'
import { exclusively } from '../state/lock.ts'
import type { Reporter, Say, Tell } from '../steps.ts'
import type { DatabaseName, DatabaseNode, Lab } from '../topology/topology.ts'
import { until } from '../wait.ts'

/** The repository, and what archiving does. */
export type Backups = Archive & { readonly primary: DatabaseName | null; readonly archiver: Archiver | null }

/** Everything that can be restored. */
export async function backupsOf(lab: Lab): Promise<Backups> {
  const sights = await lookAtDatabases(lab)
  const archive = await archiveOf(lab, sights)
  const primary = sights.find(({ facts }) => facts?.inRecovery === false)
  return {
    ...archive,
    primary: primary?.node.name ?? null,
    archiver: primary?.facts?.archiver ?? null,
  }
}

export type BackupType = Backup['type']

/** Makes a backup of the primary. The first one switches archiving on; no client notices. */
export const makeBackup = (lab: Lab, type: BackupType, { step }: Reporter): Promise<Backup> =>
  // Not the lab's lock: while this goes on, a watch may fail over.
  exclusively(
    lab,
    async () => {
      const { primary, archive } = await step('Check', async () => {
        const primary = primaryOf(await lookAtDatabases(lab))
        const archive = await readArchive(primary.node)
        await assertItsOwn(lab, primary, archive)
        return { primary, archive }
      })
      if (!archive.on)
        await step('Switch archiving on, for all databases', ({ tell }) =>
          changing(lab, () => switchOn(tell, lab, primary)),
        )
      await step('Check that WAL arrives in the repository', ({ tell }) => untilArrives(tell, lab, primary.node))
      return step(`Back up ${primary.node.name} (${type})`, async ({ tell, say, retitle }) => {
        const made = await takeBackup(tell, say, lab, primary.node, type)
        retitle(`Back up ${primary.node.name}: ${made.label} (${made.type})`)
        return made
      })
    },
    'backup',
  )

/** Refuses a repository with segments that the primary has not written yet: they are of other data. */
export async function assertItsOwn(lab: Lab, { node, facts }: Answering, { segments }: Archive): Promise<void> {
  const now = await ask(lab, node, 'select pg_current_wal_lsn()')
  const last = segments.at(-1)
  if (last !== undefined && isAhead(last, facts.timeline ?? 1, now))
    throw labError('OTHER_BACKUPS', { last, node: node.name, now: `${now} on timeline ${facts.timeline}` })
}

async function switchOn(tell: Tell, lab: Lab, { node }: Answering): Promise<void> {
  await act(tell, ['exec', node.container, ...PGBACKREST, 'stanza-create'])
  await act(tell, ['exec', node.container, 'bash', '/usr/local/bin/archiving', 'on'])
  // What was counted before was thrown away.
  await change(tell, node, "select pg_stat_reset_shared('archiver')")
  await tellStandbys(tell, lab)
}

/** A standby that is down learns it at its next start. */
async function tellStandbys(tell: Tell, lab: Lab): Promise<void> {
  const sights = await lookAtDatabases(lab)
  const standbys = sights.filter(({ facts }) => facts?.inRecovery)
  await Promise.all(
    standbys.map(({ node }) => act(tell, ['exec', node.container, 'bash', '/usr/local/bin/archiving', 'seen'])),
  )
}

/** Seconds, before `patience`, that a segment may take into the repository. */
const ARRIVAL_SECONDS = 30

/** Has the primary begin a new segment, and waits until the one before it is in the repository. */
export async function untilArrives(tell: Tell, { settings: { patience } }: Lab, node: DatabaseNode): Promise<void> {
  const args = [`--archive-timeout=${Math.ceil(ARRIVAL_SECONDS * patience)}`, 'check']
  tell(`docker exec ${node.container} ${[...PGBACKREST, ...args].join(' ')}`)
  const ran = await runPgbackrest(node, ...args)
  if (ran.exit !== 0) throw pgbackrestFailed('check', ran)
}

/** Seconds, before `patience`, that another backup gets to end: its verb was perhaps killed, and it goes on without it. */
const OTHER_SECONDS = 600

async function takeBackup(tell: Tell, say: Say, lab: Lab, node: DatabaseNode, type: BackupType): Promise<Backup> {
  const args = [`--type=${type}`, '--log-level-console=detail', 'backup']
  const { patience } = lab.settings
  tell(`docker exec ${node.container} ${[...PGBACKREST, ...args].join(' ')}`)
  const before = await until('another backup to end', { seconds: OTHER_SECONDS, patience }, async () => {
    const labels = (await readArchive(node)).backups.map(({ label }) => label)
    const run = await withProgress(say, node, runBackup(node, args))
    if (run.exit === LOCKED) return { seen: 'pgBackRest is at work' }
    if (run.exit !== 0) throw pgbackrestFailed('backup', run)
    return { done: labels }
  })
  const made = (await readArchive(node)).backups.findLast(({ label }) => !before.includes(label))
  if (made === undefined) throw labError('NO_BACKUP')
  return made
}

const PROGRESS_MS = 500

/** Says how much has been copied, in steps of ten percent. */
async function withProgress<T>(say: Say, node: DatabaseNode, work: Promise<T>): Promise<T> {
  let over = false
  const done = work.finally(() => {
    over = true
  })
  for (let said = 0; !over; ) {
    await Promise.race([done, pause(PROGRESS_MS)])
    const percent = over ? 0 : await percentOf(node)
    if (percent < said + 10 || over) continue
    said = percent - (percent % 10)
    say(`${said} % of the data`)
  }
  return done
}

/** Stops archiving; backups stay, unless they are to be discarded. */
export const switchOff = (lab: Lab, discard: boolean, { step }: Reporter): Promise<void> =>
  exclusively(
    lab,
    () =>
      changing(lab, async () => {
        const { node } = primaryOf(await lookAtDatabases(lab))
        await step('Switch archiving off', async ({ tell }) => {
          await act(tell, ['exec', node.container, 'bash', '/usr/local/bin/archiving', 'off'])
          await tellStandbys(tell, lab)
        })
        if (discard)
          await step('Delete all backups', ({ tell }) =>
            act(tell, ['exec', node.container, 'find', BACKUPS_FOLDER, '-mindepth', '1', '-delete']),
          )
      }),
    'backup',
  )

const NAME = /^[\w.-]{1,60}$/

/** Gives the present point of the history a name, to which a restore can go. */
export const mark = (lab: Lab, name: string, { step }: Reporter): Promise<Mark> =>
  exclusively(
    lab,
    async () => {
      if (!NAME.test(name)) throw labError('BAD_MARK', { name })
      const { node } = primaryOf(await lookAtDatabases(lab))
      const { on, marks } = await readArchive(node)
      if (!on) throw labError('NO_ARCHIVE')
      const taken = marks.find((it) => it.name === name)
      if (taken !== undefined) throw labError('MARK_TAKEN', { name, at: new Date(taken.at * 1000).toISOString() })
      return step(`Write the mark ${name} into the WAL of ${node.name}`, async ({ tell }) => {
        const query = `select extract(epoch from clock_timestamp()) || ' ' || pg_create_restore_point('${name}') || ' ' || ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int`
        const line = await change(tell, node, query)
        await act(tell, ['exec', node.container, 'bash', '-c', `echo '${line} ${name}' >>${MARKS}`])
        const [at = '', lsn = '', timeline = ''] = line.split(' ')
        return { name, at: Number(at), lsn, timeline: Number(timeline) }
      })
    },
    'backup',
  )
