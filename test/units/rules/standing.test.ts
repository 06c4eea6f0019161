import fc from 'fast-check'
import { test } from 'tap'
import type { Facts } from '../../../scripts/lab/postgres/observe.ts'
import { type Answering, sightOf } from '../../../scripts/lab/postgres/sights.ts'
import { CAUSES, type CauseName, causeIn } from '../../../scripts/lab/rules/causes.ts'
import { follows, hasNothingOfItsOwn, hindranceOf } from '../../../scripts/lab/rules/hindrance.ts'
import {
  HELD_SECONDS,
  primaryTrouble,
  ROOM,
  standbyTrouble,
  standbyWarning,
  warningOf,
} from '../../../scripts/lab/rules/trouble.ts'
import { readSettings } from '../../../scripts/lab/settings.ts'
import { type DatabaseNode, labOf } from '../../../scripts/lab/topology/topology.ts'
import { ALONE } from './facts.ts'

const [upstream, node] = labOf(readSettings({ LAB_NAME: 'x' })).databases as [DatabaseNode, DatabaseNode]

const image = 'lab/postgres:1'

const AT = '2026-11-25 23:25:59.380 UTC [76] '
const REFUSED_17 = `${AT}FATAL:  streaming replication receiver "db-replica" could not connect to the primary server: connection to server at "db-primary" (172.19.0.10), port 5432 failed: `
const REFUSED_15 = `${AT}FATAL:  could not connect to the primary server: connection to server at "db-primary" (172.19.0.10), port 5432 failed: `
const REFUSED_13 = `${AT}FATAL:  could not connect to the primary server: `

/** What PostgreSQL 13, 15 and 17 log, and what is read from it. */
const LINES: readonly (readonly [string, CauseName | undefined])[] = [
  [
    `${AT}FATAL:  could not receive data from WAL stream: ERROR:  requested WAL segment 000000010000000000000002 has already been removed`,
    'wal-removed',
  ],
  [`${AT}FATAL:  could not start WAL streaming: ERROR:  replication slot "db_replica" does not exist`, 'slot-gone'],
  [
    `${AT}FATAL:  could not start WAL streaming: ERROR:  replication slot "db_replica" is active for PID 203`,
    'slot-in-use',
  ],
  [
    `${AT}FATAL:  could not start WAL streaming: ERROR:  can no longer get changes from replication slot "db_replica"`,
    'slot-lost',
  ],
  [
    `${AT}FATAL:  could not start WAL streaming: ERROR:  can no longer access replication slot "db_replica"`,
    'slot-lost',
  ],
  [`${AT}FATAL:  requested timeline 2 is not a child of this server's history`, 'diverged'],
  [
    `${AT}LOG:  new timeline 2 forked off current database system timeline 1 before current recovery point 0/2060148`,
    'diverged',
  ],
  [
    `${AT}FATAL:  could not start WAL streaming: ERROR:  requested starting point 0/3000000 on timeline 1 is not in this server's history`,
    'diverged',
  ],
  [
    `${AT}FATAL:  could not start WAL streaming: ERROR:  requested starting point 0/5000000 is ahead of the WAL flush position of this server 0/4000060`,
    'diverged',
  ],
  [`${AT}FATAL:  highest timeline 1 of the primary is behind recovery timeline 2`, 'diverged'],
  [`${AT}FATAL:  database system identifier differs between the primary and standby`, 'other-system'],
  [
    `${AT}FATAL:  hot standby is not possible because max_connections = 100 is a lower setting than on the master server (its value was 150)`,
    'setting-too-low',
  ],
  [
    `${AT}DETAIL:  max_wal_senders = 10 is a lower setting than on the primary server, where its value was 14.`,
    'setting-too-low',
  ],
  [`${AT}FATAL:  recovery aborted because of insufficient parameter settings`, 'setting-too-low'],
  [`${REFUSED_17}FATAL:  password authentication failed for user "replicator"`, 'wrong-password'],
  [`${REFUSED_13}FATAL:  password authentication failed for user "replicator"`, 'wrong-password'],
  [`${REFUSED_15}fe_sendauth: no password supplied`, 'wrong-password'],
  [`${REFUSED_17}FATAL:  role "replicator" is not permitted to log in`, 'role-not-allowed'],
  [`${REFUSED_13}FATAL:  must be superuser or replication role to start walsender`, 'role-not-allowed'],
  [`${REFUSED_17}FATAL:  permission denied to start WAL sender`, 'role-not-allowed'],
  [
    `${REFUSED_17}FATAL:  no pg_hba.conf entry for replication connection from host "172.19.0.11", user "replicator", no encryption`,
    'not-admitted',
  ],
  [
    `${REFUSED_13}FATAL:  no pg_hba.conf entry for replication connection from host "172.19.0.11", user "replicator", SSL off`,
    'not-admitted',
  ],
  [
    `${REFUSED_15}FATAL:  number of requested standby connections exceeds max_wal_senders (currently 10)`,
    'senders-in-use',
  ],
  [
    `${REFUSED_17}FATAL:  number of requested standby connections exceeds "max_wal_senders" (currently 10)`,
    'senders-in-use',
  ],
  [`${REFUSED_17}FATAL:  too many connections for role "replicator"`, 'senders-in-use'],
  [`${REFUSED_17}FATAL:  sorry, too many clients already`, 'sessions-in-use'],
  [
    `${REFUSED_15}FATAL:  remaining connection slots are reserved for non-replication superuser connections`,
    'sessions-in-use',
  ],
  [`${REFUSED_17}FATAL:  the database system is starting up`, 'coming-up'],
  [`${REFUSED_17}Connection refused`, 'no-connection'],
  [`${REFUSED_15}No route to host`, 'no-connection'],
  [`${REFUSED_13}could not connect to server: Connection refused`, 'no-connection'],
  [`${REFUSED_13}timeout expired`, 'no-connection'],
  [`${REFUSED_13}could not translate host name "db-primary" to address: Name or service not known`, 'no-connection'],
  [`${AT}FATAL:  terminating walreceiver due to timeout`, 'no-connection'],
  [`${AT}PANIC:  could not write to file "pg_wal/xlogtemp.29": No space left on device`, 'disk-full'],
  ['/usr/local/bin/start: line 66: echo: write error: No space left on device', 'disk-full'],
  [`${AT}service@polling ERROR:  could not extend file "base/16389/16405": No space left on device`, 'disk-full'],
  [`${AT}FATAL:  could not create lock file "postmaster.pid": Read-only file system`, 'disk-read-only'],
  [`${AT}FATAL:  WAL was generated with wal_level=minimal, cannot continue recovering`, 'wal-minimal'],
  [`${AT}FATAL:  WAL was generated with "wal_level=minimal", cannot continue recovering`, 'wal-minimal'],
  [`${AT}FATAL:  data directory "/var/lib/postgresql/data" has wrong ownership`, 'data-rights'],
  [`${AT}FATAL:  could not open file "global/pg_control": Permission denied`, 'data-rights'],
  [`${AT}PANIC:  could not open file "global/pg_control": Permission denied`, 'data-rights'],
  [
    `${AT}LOG:  could not open configuration file "/var/lib/postgresql/data/postgresql.conf": Permission denied`,
    'data-rights',
  ],
  ['db-replica cannot use its data: Permission denied', 'data-rights'],
  // What it says to its own clients is about them.
  [`${AT}monitor@polling FATAL:  password authentication failed for user "monitor"`, undefined],
  [`${AT}[unknown]@[unknown] FATAL:  sorry, too many clients already`, undefined],
  [`${AT}LOG:  started streaming WAL from primary at 0/2000000 on timeline 1`, undefined],
  [`${AT}LOG:  waiting for WAL to become available at 0/2002000`, undefined],
]

const STREAMS = 'started streaming WAL'

test('what PostgreSQL 13, 15 and 17 log tells why a standby does not follow', async (t) => {
  for (const [line, cause] of LINES) t.equal(causeIn(`${line}\n`)?.cause, cause, line)
  const seen = new Set(LINES.map(([, cause]) => cause))
  const unseen = Object.entries(CAUSES).filter(([name, row]) => 'line' in row && !seen.has(name as CauseName))
  t.strictSame(unseen, [], 'every cause with a line has a case')
})

test('the newest line that tells a cause counts, whatever else is said', async (t) => {
  const telling = LINES.filter((it): it is readonly [string, CauseName] => it[1] !== undefined)
  const silent = LINES.flatMap(([line, cause]) => (cause === undefined && !line.includes(STREAMS) ? [line] : []))
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...LINES.map(([line]) => line))),
      fc.constantFrom(...telling),
      fc.array(fc.oneof(fc.constantFrom(...silent), fc.stringMatching(/^[a-z ]{0,20}$/))),
      (before, [line, cause], after) => causeIn([...before, line, ...after].join('\n'))?.cause === cause,
    ),
  )
  t.pass()
})

test('what was wrong before a standby streamed is over', async (t) => {
  for (const [line] of LINES)
    t.equal(causeIn(`${line}\n${AT}LOG:  ${STREAMS} from primary at 0/2000000`), undefined, line)
})

const whole: Facts = {
  ...ALONE,
  slots: [{ name: 'db_replica', active: true, retainedBytes: 0, walStatus: 'reserved', holder: 'db-replica' }],
  sessions: { used: 5, limit: 97 },
  sessionHolders: [{ who: 'owner (psql)', count: 90 }],
  standbys: [{ name: 'db-replica', state: 'streaming', sync: 'async', replayLagSeconds: null }],
}
const standby: Facts = {
  ...whole,
  inRecovery: true,
  receiver: 'streaming',
  upstream: 'db-primary',
  slots: [],
  standbys: [],
}
const slot = whole.slots[0]

test('a standby follows if the primary sends to it on the same timeline; what the standby says is not enough', async (t) => {
  t.ok(follows('db-replica', standby, whole))
  t.ok(follows('db-replica', standby, undefined), 'with nobody else to ask')
  t.notOk(follows('db-replica', standby, { ...whole, standbys: [] }), 'its receiver fails again and again')
  t.notOk(follows('db-replica', standby, { ...whole, timeline: 2 }), 'up to where their histories parted')
  t.notOk(follows('db-replica', { ...standby, receiver: null }, whole))
})

test('what is seen of both decides what keeps a standby from following', async (t) => {
  const cause = (own: Partial<Facts>, primary: Partial<Facts>, log = '') =>
    hindranceOf({ node, upstream, image, own: { ...standby, ...own }, sender: { ...whole, ...primary }, log })
  const removed = LINES[0]?.[0] ?? ''
  const slots = (change: Partial<NonNullable<typeof slot>>) => ({
    slots: slot === undefined ? [] : [{ ...slot, ...change }],
  })
  const low = [{ name: 'max_connections', here: 100, needed: 150 }]
  t.match(cause({ tooLow: low }, {}), {
    cause: 'setting-too-low',
    mending: 'restart',
    says: /max_connections is 100 here, but 150 on the primary/,
  })
  t.match(cause({ followsByHand: ['primary_conninfo'] }, {}, removed), { cause: 'set-by-hand', mending: 'settings' })
  t.match(cause({}, slots({ walStatus: 'lost', active: false }), removed), { cause: 'slot-lost', mending: 'copy' })
  t.match(cause({ upstream: 'db-replica-2' }, {}, removed), {
    cause: 'other-upstream',
    mending: 'point',
    passes: false,
  })
  const lost = { lost: 'its upstream db-replica-2', own: { ...standby, upstream: 'db-replica-2' }, sender: whole }
  t.match(hindranceOf({ node, upstream, image, log: removed, ...lost }), {
    cause: 'upstream-silent',
    says: 'its upstream db-replica-2 does not answer',
    mending: 'point',
    passes: true,
    fix: /rejoin\.ts brings it back, or points db-replica at db-primary/,
  })
  t.match(cause({}, { slots: [] }), { cause: 'slot-gone', mending: 'slot', passes: false })
  t.match(cause({}, slots({ holder: 'pg_receivewal' })), { cause: 'slot-in-use', says: /in use by pg_receivewal/ })
  t.match(cause({}, {}, removed), { cause: 'wal-removed', mending: 'copy' })
  t.match(cause({}, {}, `${REFUSED_17}Connection refused`), { cause: 'no-connection', passes: true })
  t.match(cause({}, {}, LINES.find(([, it]) => it === 'not-admitted')?.[0]), { fix: /docker rm -f x-db-primary/ })
  const byHand = (name: string, value: string) => ({ admitsByHand: [{ name, value }] })
  const refused = LINES.find(([, it]) => it === 'not-admitted')?.[0]
  const kept = { cause: 'kept-out', mending: 'admit', passes: false }
  t.match(cause({}, byHand('hba_file', '/x'), refused), { ...kept, says: /hba_file = \/x/ })
  t.equal(cause({}, byHand('hba_file', '/x')), undefined, 'it may well admit the standby')
  t.match(cause({}, byHand('listen_addresses', ''), `${REFUSED_17}Connection refused`), { ...kept, says: /= ''/ })
  t.match(cause({}, { ...byHand('wal_level', 'minimal'), slots: [] }), { ...kept, says: /wal_level = minimal/ })
  t.match(cause({}, byHand('max_wal_senders', '0')), kept)
  t.equal(cause({}, byHand('max_wal_senders', '5')), undefined)
  t.equal(cause({}, {}), undefined)
  const dead = { node, upstream, image, own: undefined, sender: { ...whole, slots: [] }, log: '' }
  t.equal(hindranceOf(dead), undefined, 'a slot is no reason why a node does not run')
  const full =
    'psql: error: connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: FATAL:  sorry, too many clients already'
  t.match(hindranceOf({ ...dead, refusal: full }), { cause: 'no-session-left', fix: /docker restart x-db-replica/ })
  for (const row of Object.values(CAUSES))
    t.notMatch(
      `${row.says} ${row.fix}`.replace(
        /\{(node|upstream|container|upstreamContainer|name|here|needed|image|holder|settings|follows|lost)\}/g,
        '',
      ),
      /[{}]/,
    )
})

test('a standby has nothing of its own only if it is behind on the same timeline', async (t) => {
  const primary: Answering = { ...sightOf(upstream, 'running', whole), facts: whole }
  t.ok(hasNothingOfItsOwn(primary, { ...standby, lsn: '0/2FFFFFF', receivedLsn: '0/3000000' }))
  t.notOk(hasNothingOfItsOwn(primary, { ...standby, receivedLsn: '0/3000001' }))
  t.notOk(hasNothingOfItsOwn(primary, { ...standby, timeline: 2 }))
  t.notOk(hasNothingOfItsOwn(primary, { ...standby, inRecovery: false }))
  t.notOk(hasNothingOfItsOwn(primary, undefined))
})

test('a primary is healthy if a vote could be cast; status warns before the disk is full', async (t) => {
  const of = (facts: Partial<Facts>, refused?: string) => primaryTrouble(upstream, { ...whole, ...facts }, refused)
  const room = (availableBytes: number, readOnly = false) => ({
    room: { availableBytes, readOnly, archiveLocked: false },
  })
  t.equal(of({}), undefined)
  t.match(of({ readOnly: true }), { says: /default_transaction_read_only/, fix: /docker exec x-db-primary .*reset/ })
  const full = { sessions: { used: 97, limit: 97 } }
  // A vote may still get through, over a session that was open before.
  for (const refused of ['EXHAUSTED', undefined])
    t.match(of(full, refused), { says: /97 are open .*owner \(psql\) \(90\)/, fix: /pg_terminate_backend/ })
  t.match(standbyTrouble(node, { ...standby, ...full }, whole), { says: /97 are open/ })
  t.equal(of({ sessions: { used: 96, limit: 97 } }), undefined)
  t.match(of({}, 'UNAVAILABLE: why'), { says: 'no vote can be cast: UNAVAILABLE: why', passes: true })
  t.match(of({ synchronousStandbys: '"gone"', standbys: [] }), { says: /commits hang/ })
  t.match(of(room(ROOM.none - 1)), { says: /full/, fix: /free space/, passes: false })
  t.match(of(room(2 ** 40, true)), { says: /read-only/ })
  t.equal(of(room(ROOM.none)), undefined)
  t.match(warningOf({ ...whole, ...room(ROOM.low - 1) }), /only 512\.0 MiB are left.*free space/)
  t.equal(warningOf({ ...whole, ...room(ROOM.low) }), null)
  t.match(standbyTrouble(node, { ...standby, delayedSeconds: 21600 }, whole), { says: /waits 21600 s/ })
  t.match(standbyTrouble(node, { ...standby, replayPaused: true }, whole), { says: /replay is paused/ })
  t.equal(standbyTrouble(node, standby, whole), undefined)
})

test('a standby whose replay a report holds up is warned of, and after 10 s no longer healthy', async (t) => {
  const report = { pid: 77, role: 'postgres', seconds: 3600, state: 'active', query: 'select count(*) from vote' }
  const held = { ...standby, replayWaitsFor: [report] }
  const after = (replayLagSeconds: number | null) => ({
    ...whole,
    standbys: [{ name: 'db-replica', state: 'streaming', sync: 'async', replayLagSeconds }],
  })
  t.equal(standbyTrouble(node, held, after(HELD_SECONDS)), undefined, 'the report is old, that replay waits is not')
  t.match(standbyWarning(node, held, after(HELD_SECONDS)), /waited for 10 s, for pid 77 .*pg_terminate_backend\(77\)/)
  t.match(standbyTrouble(node, held, after(HELD_SECONDS + 1)), {
    says: /replay has waited for 11 s, for pid 77 \(postgres, active, its transaction 3600 s old\): select count/,
    fix: /docker exec x-db-replica psql .*pg_terminate_backend\(77\)/,
    passes: false,
  })
  const young = { ...standby, replayWaitsFor: [{ ...report, seconds: 0.2 }] }
  t.equal(standbyWarning(node, young, after(3600)), null, 'it is about to end by itself')
  t.match(standbyTrouble(node, { ...held, replayAgeSeconds: 20 }, undefined), { says: /waited for 20 s/ })
})
