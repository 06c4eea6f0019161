import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { archiveOf } from '../../../scripts/lab/docker/volume.ts'
import {
  fencedNote,
  formatStartNote,
  parseStartNote,
  type StartNote,
  unfencedNote,
} from '../../../scripts/lab/postgres/start-note.ts'

const FOLDER = join(import.meta.dirname, '../../../provisioning/postgres')
const SCRIPTS = `source ${FOLDER}/upstream.sh\nsource ${FOLDER}/start-note.sh`

/** A database's volume in a folder of its own, with data unless said. */
function volumeWith(t: Test, note: string | undefined, files: readonly string[] = ['PG_VERSION', 'old']): string {
  const volume = mkdtempSync(join(tmpdir(), 'start-note-'))
  t.teardown(() => rmSync(volume, { recursive: true }))
  mkdirSync(join(volume, 'data'))
  for (const file of files) writeFileSync(join(volume, 'data', file), 'old')
  if (note !== undefined) writeFileSync(join(volume, 'start-note'), note)
  return volume
}

/** Runs part of start-note.sh as the node db-replica does. */
function inShell(volume: string, script: string, environment: NodeJS.ProcessEnv = {}) {
  const env = {
    PATH: process.env['PATH'],
    LC_ALL: 'C',
    NODE: 'db-replica',
    UPSTREAM: 'db-primary',
    PGDATA: join(volume, 'data'),
    ...environment,
  }
  return spawnSync('setsid', ['bash', '--norc', '-euo', 'pipefail', '-c', `${SCRIPTS}\n${script}`], {
    encoding: 'utf8',
    env,
  })
}

/** Notes, and what start-note.sh reads in them: word, database, fence. */
const NOTES: readonly (readonly [string, StartNote, string])[] = [
  ['', { do: 'keep' }, 'keep||'],
  ['do=fresh\n', { do: 'fresh' }, 'fresh||'],
  ['do=fresh\nslots=one other\n', { do: 'fresh', slots: ['one', 'other'] }, 'fresh||'],
  ['do=fresh\nfrom=db-primary\n', { do: 'fresh', from: 'db-primary' }, 'fresh|db-primary|'],
  ['do=follow\nfrom=db-replica\n', { do: 'follow', from: 'db-replica' }, 'follow|db-replica|'],
  ['do=rewind\nfrom=db-primary\n', { do: 'rewind', from: 'db-primary' }, 'rewind|db-primary|'],
  ['do=copy\nfrom=db-primary\n', { do: 'copy', from: 'db-primary' }, 'copy|db-primary|'],
  [
    'do=copy\nfrom=db-primary\nfollows=db-replica-2\n',
    { do: 'copy', from: 'db-primary', follows: 'db-replica-2' },
    'copy|db-primary|',
  ],
  ['do=fresh\nslots=one\nbackups=drop\n', { do: 'fresh', slots: ['one'], backups: 'drop' }, 'fresh||'],
  [
    'do=restore\nset=20261125F\ntimeline=2\nuntil=time\ntarget=2026-11-25 09:39:59+01\n',
    { do: 'restore', set: '20261125F', timeline: '2', until: 'time', target: '2026-11-25 09:39:59+01' },
    'restore||',
  ],
  ['do=restore\nset=20261125F\n', { do: 'restore', set: '20261125F' }, 'restore||'],
  ['fenced=yes\n', { do: 'keep', fenced: true }, 'keep||yes'],
  ['do=copy\nfrom=db-primary\nfenced=yes\n', { do: 'copy', from: 'db-primary', fenced: true }, 'copy|db-primary|yes'],
]

/** The same by hand, and what nobody should write. */
const BY_HAND: typeof NOTES = [
  ['do=keep\n', { do: 'keep' }, 'keep||'],
  ['fenced=yes', { do: 'keep', fenced: true }, 'keep||yes'],
  ['from=db-primary\ndo=follow', { do: 'follow', from: 'db-primary' }, 'follow|db-primary|'],
  ['\ndo=keep\n\nwhy=a=b\n', { do: 'keep' }, 'keep||'],
  ['fenced\nfenced=\n', { do: 'keep' }, 'keep||'],
  ['do=follow\n', { do: 'keep' }, 'follow||'],
  ['do=copy\nfrom=loader\n', { do: 'keep' }, 'copy|loader|'],
  ['do=dance\nfrom=db-primary\nfenced=yes\n', { do: 'keep', fenced: true }, 'dance|db-primary|yes'],
]

test('a note is read as it was written, by the scripts and by the node', async (t) => {
  for (const [text, note] of NOTES) t.equal(formatStartNote(note).join('\n'), text.trimEnd())
  for (const [text, note, read] of [...NOTES, ...BY_HAND]) {
    t.strictSame(parseStartNote(text), note, text)
    const said = inShell(volumeWith(t, text), 'read_note; printf %s "$what|$from|$fenced"')
    t.equal(said.stdout, read, text + said.stderr)
  }
})

test('a fence keeps what has to be done to data that cannot be used, and ends a change of role', async (t) => {
  const cases: readonly (readonly [StartNote, StartNote, StartNote])[] = [
    [{ do: 'keep' }, { do: 'keep', fenced: true }, { do: 'keep' }],
    [{ do: 'follow', from: 'db-primary' }, { do: 'keep', fenced: true }, { do: 'keep' }],
    [{ do: 'fresh' }, { do: 'fresh', fenced: true }, { do: 'fresh' }],
    [
      { do: 'copy', from: 'db-primary' },
      { do: 'copy', from: 'db-primary', fenced: true },
      { do: 'copy', from: 'db-primary' },
    ],
  ]
  for (const [before, fenced, after] of cases) {
    t.strictSame(fencedNote(before), fenced)
    t.strictSame(fencedNote(fenced), fenced, 'again')
    t.strictSame(unfencedNote(fenced), after)
  }
})

test('a file for a volume is packed as tar packs it: nobody but its owner may read it', async (t) => {
  for (const content of ['', 'do=keep\n', 'x'.repeat(512), 'ä'.repeat(600)]) {
    const input = archiveOf('start-note', content, 999)
    const listed = spawnSync('tar', ['-tv', '--numeric-owner'], { input, encoding: 'utf8' })
    t.match(listed.stdout, new RegExp(`^-rw------- 999/999 +${Buffer.byteLength(content)} .* start-note\n$`))
    t.equal(listed.stderr, '')
    t.equal(spawnSync('tar', ['-xO'], { input, encoding: 'utf8' }).stdout, content)
  }
})

// Stands in for PostgreSQL's tools: each leaves data that show what was done, and half of them before it is done.
const TOOLS = `
psql() { echo f; }
pg_rewind() { echo half >"$PGDATA/data"; rm -f "$PGDATA/old"; echo rewound >"$PGDATA/data"; }
pgbackrest() { [[ -z $(ls -A "$PGDATA") ]]; echo half >"$PGDATA/data"; touch "$PGDATA/PG_VERSION" "$PGDATA/recovery.signal"; echo restored >"$PGDATA/data"; }
pg_basebackup() { [[ -z $(ls -A "$PGDATA") ]]; echo half >"$PGDATA/data"; touch "$PGDATA/PG_VERSION"; echo copied >"$PGDATA/data"; }
sed() { [[ $1 == -i ]] || command sed "$@"; }
prepared=$PREPARED run=/run
`
// Kills the shell, and all that it has started, before the given command of carry_out_note.
const INTERRUPTED = `set -T; at=0; trap '(( ++at == KILL_AT )) && kill -9 -- -$$' DEBUG; carry_out_note`

const STANDBY = ['PG_VERSION', 'data', 'standby.signal']

/** What an image prepares: an archive of data. */
function preparedIn(folder: string): string {
  mkdirSync(join(folder, 'image'))
  for (const file of ['PG_VERSION', 'data']) writeFileSync(join(folder, 'image', file), 'fresh')
  spawnSync('tar', ['-C', join(folder, 'image'), '-cf', join(folder, 'prepared.tar'), '.'])
  return join(folder, 'prepared.tar')
}

/** A note, whether there are data, and what the data are at the end: their content, their files and the upstream. */
const STARTS: readonly {
  readonly note: string | undefined
  readonly data?: readonly string[]
  readonly upstream?: string
  readonly ends: RegExp
  readonly files: readonly string[]
  readonly follows: string | undefined
}[] = [
  { note: undefined, data: [], ends: /^fresh$/, files: STANDBY, follows: 'db-primary' },
  {
    ...{ note: undefined, data: [], upstream: '' },
    ...{ ends: /^fresh$/, files: ['PG_VERSION', 'data', 'without-passwords'], follows: undefined },
  },
  { note: 'do=fresh\nfrom=db-primary\n', ends: /^fresh$/, files: STANDBY, follows: 'db-primary' },
  { note: 'do=fresh\n', ends: /^fresh$/, files: ['PG_VERSION', 'data', 'without-passwords'], follows: undefined },
  { note: 'do=follow\nfrom=db-x\n', ends: /^old$/, files: ['PG_VERSION', 'old', 'standby.signal'], follows: 'db-x' },
  { note: 'do=copy\nfrom=db-x\n', ends: /^copied$/, files: STANDBY, follows: 'db-x' },
  { note: 'do=copy\nfrom=db-x\nfollows=db-y\n', ends: /^copied$/, files: STANDBY, follows: 'db-y' },
  { note: 'do=rewind\nfrom=db-x\nfollows=db-y\n', ends: /^(rewound|copied)$/, files: STANDBY, follows: 'db-y' },
  {
    note: 'do=restore\nset=F\nuntil=lsn\ntarget=0/1\n',
    ...{
      ends: /^restored$/,
      files: ['PG_VERSION', 'data', 'postgresql.auto.conf', 'recovery.signal'],
      follows: undefined,
    },
  },
  { note: 'do=rewind\nfrom=db-x\n', ends: /^(rewound|copied)$/, files: STANDBY, follows: 'db-x' },
]

test('a start that is killed at any step ends right at the next start', async (t) => {
  const PREPARED = preparedIn(t.testdir())
  for (const { note, data, upstream = 'db-primary', ends, files, follows } of STARTS) {
    const seen: Record<string, number> = {}
    let killed = true
    for (let step = 1; killed; step++) {
      const volume = volumeWith(t, note, data)
      const where = { PREPARED, UPSTREAM: upstream, KILL_AT: String(step) }
      killed = inShell(volume, TOOLS + INTERRUPTED, where).signal === 'SIGKILL'
      const between = readdirSync(join(volume, 'data')).includes('data')
        ? readFileSync(join(volume, 'data/data'), 'utf8').trim()
        : 'none'
      const again = inShell(volume, `${TOOLS}carry_out_note`, where)
      t.equal(again.status, 0, `${note} killed at step ${step}: ${again.stderr}`)
      const found = readdirSync(join(volume, 'data')).sort()
      t.strictSame(found, files, `${note} killed at step ${step}`)
      const content = readFileSync(join(volume, 'data', files.includes('data') ? 'data' : 'old'), 'utf8').trim()
      t.match(content, ends)
      if (between === 'half') t.not(content, 'rewound', 'half-rewound data are copied')
      t.equal(readFileSync(join(volume, 'start-note'), 'utf8'), '', 'the note is done')
      const beside = readdirSync(volume).includes('upstream')
        ? readFileSync(join(volume, 'upstream'), 'utf8').trim()
        : undefined
      t.equal(beside, follows)
      seen[`${between} → ${content}`] = (seen[`${between} → ${content}`] ?? 0) + 1
    }
    t.comment(`${JSON.stringify(note)}: ${JSON.stringify(seen)}`)
    t.ok(Object.values(seen).reduce((sum, times) => sum + times, 0) > 5, 'it was killed at several steps')
  }
})

test('a fenced node touches nothing, nor does one that does not understand its note, or whose upstream is no primary', async (t) => {
  for (const [note, said] of [
    ['do=fresh\nfenced=yes\n', /^db-replica is fenced: .*rejoin\.ts/],
    ['do=dance\nfrom=db-primary\n', /^db-replica cannot start: .* says do=dance from=db-primary/],
    ['do=copy\n', /^db-replica cannot start: .* says do=copy from=,/],
    ['do=restore\n', /^db-replica cannot start: .* says do=restore from=,/],
    ['do=copy\nfrom=db-primary\n', /^db-replica cannot be made a standby of db-primary, which is not a primary/],
  ] as const) {
    const volume = volumeWith(t, note)
    const ran = inShell(volume, `${TOOLS}\npsql() { echo t; }\ncarry_out_note`, { PREPARED: 'none' })
    t.equal(ran.status, 1)
    t.match(ran.stderr, said)
    t.strictSame(readdirSync(join(volume, 'data')).sort(), ['PG_VERSION', 'old'])
    t.equal(readFileSync(join(volume, 'start-note'), 'utf8'), note)
  }
})
