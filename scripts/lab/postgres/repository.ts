import { z } from 'zod'
import { attempt, type Result } from '../docker/command.ts'
import { confinement } from '../docker/confinement.ts'
import { execIn } from '../docker/exec.ts'
import { imagesOf } from '../docker/images.ts'
import { labelledHelper } from '../docker/leftovers.ts'
import { BACKUPS_FOLDER } from '../docker/volume.ts'
import { labError } from '../errors.ts'
import { type AnyDatabase, firstPrimaryOf, type Lab } from '../topology/topology.ts'
import type { Sight } from './sights.ts'

/**
 * A timeline that began when a database was promoted: the one that it left, at which LSN, and when (seconds since 1970, a
 * little late: when that was archived).
 */
export type Branch = {
  readonly timeline: number
  readonly from: number
  readonly at: string
  readonly began: number
}

/** A backup, as the repository knows it. Times are seconds since 1970. */
export type Backup = {
  readonly label: string
  readonly type: 'full' | 'diff' | 'incr'
  readonly began: number
  /** From this moment on it can be restored to. */
  readonly ended: number
  readonly timeline: number
  /** The WAL that it needs: the first segment, and the LSN at its end. */
  readonly firstSegment: string
  readonly endLsn: string
  /** Bytes of the database, and bytes in the repository. */
  readonly size: number
  readonly stored: number
}

/** A point that was given a name before something risky. */
export type Mark = { readonly name: string; readonly at: number; readonly lsn: string; readonly timeline: number }

/** Everything in the repository. */
export type Archive = {
  /** Whether the primary archives its WAL now. */
  readonly on: boolean
  /** The oldest first. */
  readonly backups: readonly Backup[]
  /** Names of the archived segments, in order. */
  readonly segments: readonly string[]
  readonly branches: readonly Branch[]
  readonly marks: readonly Mark[]
}

/** How pgBackRest is called in a database's container. `lab` is the name of its only stanza. */
export const PGBACKREST = ['pgbackrest', '--stanza=lab'] as const

/** Where marks are written down, one on a line: time, LSN, timeline, name. */
export const MARKS = `${BACKUPS_FOLDER}/marks`

const Info = z.array(
  z.object({
    backup: z.array(
      z.object({
        label: z.string(),
        type: z.enum(['full', 'diff', 'incr']),
        timestamp: z.object({ start: z.number(), stop: z.number() }),
        archive: z.object({ start: z.string(), stop: z.string() }),
        lsn: z.object({ start: z.string(), stop: z.string() }).optional(),
        info: z.object({ size: z.number(), repository: z.object({ delta: z.number().optional() }) }),
      }),
    ),
  }),
)

const LOOK = `
cd ${BACKUPS_FOLDER}
${PGBACKREST.join(' ')} info --output=json && echo
if [[ -e on ]]; then echo on; fi
if [[ -e marks ]]; then sed 's/^/mark /' marks; fi
if [[ -d archive/lab ]]; then
  cd archive/lab
  find . -regextype posix-extended -regex '.*/[0-9A-F]{24}-.*' -printf 'segment %.24f\\n' | sort -u
  for file in $(find . -name '*.history'); do
    sed "s,^,branch $(basename "$file" .history) $(stat -c %Y "$file") ," "$file"; echo
  done
fi`

/** Reads what the repository has, through a database that runs. */
export const readArchive = async ({ container }: AnyDatabase): Promise<Archive> =>
  archiveIn(await execIn(container, ['bash', '-c', LOOK]))

/** The same for a lab: if none of its databases runs, in a container of its own. */
export async function archiveOf(lab: Lab, sights: readonly Sight[]): Promise<Archive> {
  const runs = sights.find(({ facts }) => facts !== undefined) ?? sights.find(({ state }) => state === 'running')
  if (runs !== undefined) return readArchive(runs.node)
  // Without a container of the lab there is no repository either.
  if (sights.every(({ state }) => state === 'absent'))
    throw labError('NOT_SET_UP', { lab: lab.name, missing: firstPrimaryOf(lab).name })
  const { postgres } = await imagesOf(lab.settings)
  const volume = ['--volume', `${lab.backupsVolume}:${BACKUPS_FOLDER}:ro`, ...confinement(firstPrimaryOf(lab))]
  const alone = ['run', '--rm', '--pull', 'never', ...labelledHelper(lab), '--network', 'none', ...volume]
  return archiveIn(await attempt([...alone, postgres.tag, 'bash', '-c', LOOK]))
}

function archiveIn(looked: Result): Archive {
  if (looked.exit !== 0) throw pgbackrestFailed('info', looked)
  const lines = looked.stdout.split('\n')
  const of = (word: string) =>
    lines.flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []))
  const info = Info.parse(JSON.parse(lines.find((line) => line.startsWith('[')) ?? '[]'))
  return {
    on: lines.includes('on'),
    backups: info.flatMap(({ backup }) => backup.map(backupOf)).toSorted((a, b) => a.ended - b.ended),
    segments: of('segment'),
    branches: branchesIn(of('branch')),
    marks: of('mark').map(markIn),
  }
}

type Described = z.infer<typeof Info>[number]['backup'][number]

function backupOf({ label, type, timestamp, archive, lsn, info }: Described): Backup {
  return {
    ...{ label, type, began: timestamp.start, ended: timestamp.stop },
    timeline: Number.parseInt(archive.start.slice(0, 8), 16),
    firstSegment: archive.start,
    endLsn: lsn?.stop ?? endOf(archive.stop),
    ...{ size: info.size, stored: info.repository.delta ?? info.size },
  }
}

/** The last LSN in a segment. Older versions of pgBackRest do not say where in it a backup ends. */
const endOf = (segment: string): string =>
  `${Number.parseInt(segment.slice(8, 16), 16).toString(16)}/${Number.parseInt(segment.slice(16, 24), 16).toString(16)}FFFFFF`.toUpperCase()

/** The last line of a history file says where its timeline began: `1	0/5000000	why`. */
function branchesIn(lines: readonly string[]): readonly Branch[] {
  const branches = new Map<number, Branch>()
  for (const line of lines) {
    const [, name = '', began = '', from = '', at = ''] = /^([0-9A-F]{8}) (\d+) (\d+)\t(\S+)\t/.exec(line) ?? []
    const timeline = Number.parseInt(name, 16)
    if (at !== '') branches.set(timeline, { timeline, from: Number(from), at, began: Number(began) })
  }
  return [...branches.values()]
}

function markIn(line: string): Mark {
  const [at = '', lsn = '', timeline = '', name = ''] = line.split(' ')
  return { name, at: Number(at), lsn, timeline: Number(timeline) }
}

/** Runs pgBackRest to its end; failing is an answer too. */
export const runPgbackrest = ({ container }: AnyDatabase, ...args: readonly string[]): Promise<Result> =>
  execIn(container, [...PGBACKREST, ...args])

const LOG = '/tmp/backup.log'

/**
 * The same for a backup, with what it logs in a file. If nobody waits for it any more, it goes on and ends in order: were it
 * killed, PostgreSQL, the first process here, would get its children, and take their end for the crash of one of its own.
 */
export function runBackup({ container }: AnyDatabase, args: readonly string[]): Promise<Result> {
  const said = `grep -E 'ERROR|WARN|HINT' ${LOG} >&2`
  const script = `${[...PGBACKREST, ...args].join(' ')} >${LOG} 2>&1 && exit; exit=$?; ${said}; exit $exit`
  return execIn(container, ['bash', '-c', script])
}

/** How many percent of the data a backup that runs has copied. */
export async function percentOf({ container }: AnyDatabase): Promise<number> {
  const { stdout } = await execIn(container, ['bash', '-c', `grep -oE '[0-9.]+%' ${LOG} | tail -n 1`])
  return Number.parseFloat(stdout) || 0
}

/** Exit code of pgBackRest if another one has its lock. */
export const LOCKED = 50

/** The error for a pgBackRest that failed, with what it said. */
export function pgbackrestFailed(command: string, { exit, stdout, stderr }: Result) {
  const said = `${stdout}\n${stderr}`.split('\n').filter((line) => /ERROR|WARN|HINT/.test(line))
  const lines = said.map((line) => line.replace(/^.*?(ERROR|WARN|HINT): */, '')).join('\n')
  return labError('BACKUP_FAILED', { command, said: lines || stderr || `exit ${exit}` })
}
