/**
 * How a cause is repaired. `wait`: it may pass by itself. `hand`: somebody has to do what the fix says. `rejoin` does the
 * others: `restart` restarts the node, which raises its settings; `slot` makes its slot; `settings` resets those that choose
 * its primary, and makes its slot; `holder` ends the session that uses its slot; `role` gives the role its password back;
 * `admit` resets the settings of the primary that keep it out; `rewind` and `copy` make its data the primary's.
 */
export type Mending =
  | 'wait'
  | 'hand'
  | 'restart'
  | 'slot'
  | 'settings'
  | 'holder'
  | 'role'
  | 'admit'
  | 'point'
  | 'rewind'
  | 'copy'

export type Row = {
  /** A line that shows the cause: in the standby's log, where answers of the primary stand too, or in the log of a start. */
  readonly line?: RegExp
  /** What is wrong. `{…}` is filled in: `node`, `upstream` and their containers, and what the line names. */
  readonly says: string
  readonly mending: Mending
  /** Whether it may pass by itself all the same. */
  readonly passes?: true
  readonly fix: string
}

const REJOIN = 'zx scripts/rejoin.ts'

/** The folder of a database's data, in its container. */
export const DATA = '/var/lib/postgresql/data'
const GIVE_DATA_BACK = `docker run --rm --user root --network none --volumes-from {container} {image} sh -c 'chown -R postgres:postgres ${DATA} && chmod -R u=rwX,go= ${DATA}'`

/** Everything that keeps a database from following its upstream, or from running at all. */
export const CAUSES = {
  'disk-full': {
    line: /No space left on device|Disk quota exceeded/,
    says: 'the disk of its data is full',
    mending: 'hand',
    fix: 'free space there (docker system df shows what the engine uses; zx scripts/fault.ts heal slot deletes the WAL that its slot keeps), then zx scripts/setup.ts: no vote has to be deleted',
  },
  'disk-read-only': {
    line: /Read-only file system/,
    says: 'the file system of its data is read-only',
    mending: 'hand',
    fix: 'see why (dmesg), mount it writable again, then docker restart {container}: no vote has to be deleted',
  },
  'setting-too-low': {
    line: /(?:(?<name>max_\w+) = (?<here>\d+) is a lower setting than on the (?:primary|master) server(?:, where its| \(its) value was (?<needed>\d+))|insufficient parameter settings/,
    says: 'PostgreSQL stopped its replay: {name} is {here} here, but {needed} on the primary',
    mending: 'restart',
    fix: `${REJOIN} raises it here and restarts {node}`,
  },
  'slot-lost': {
    line: /can no longer (?:get changes from|access) (?:the )?replication slot/,
    says: 'its slot on {upstream} is lost: it needed more WAL than max_slot_wal_keep_size allows',
    mending: 'copy',
    fix: `${REJOIN} gets it from the archive, if there is one, or copies {node}`,
  },
  'slot-gone': {
    line: /replication slot "(?<slot>[^"]*)" does not exist/,
    says: 'its slot on {upstream} is gone',
    mending: 'slot',
    fix: `${REJOIN} makes it`,
  },
  'slot-in-use': {
    line: /replication slot "(?<slot>[^"]*)" is (?:already )?active for PID (?<holder>\d+)/,
    says: 'its slot on {upstream} is in use by {holder}',
    mending: 'holder',
    fix: `${REJOIN} ends that session`,
  },
  'wal-removed': {
    line: /requested WAL segment (?<segment>\w+) has already been removed/,
    says: 'WAL that it needs is gone from {upstream}',
    mending: 'copy',
    fix: `${REJOIN} gets it from the archive, if there is one, or copies {node}`,
  },
  diverged: {
    line: /requested timeline \d+ is not (?:a child of|in) this server's history|new timeline \d+ (?:forked off|is not a child of)|requested starting point \S+ (?:on timeline \d+ is not in this server's history|is ahead of the WAL flush position)|highest timeline \d+ of the primary is behind recovery timeline/,
    says: 'its history has diverged from that of {upstream}',
    mending: 'rewind',
    fix: `${REJOIN} lists the votes that only it has, and rewinds or copies it`,
  },
  'other-system': {
    line: /database system identifier differs between the primary and standby/,
    says: 'its data belongs to another database cluster than that of {upstream}',
    mending: 'rewind',
    fix: `${REJOIN} lists the votes that only it has, and copies it`,
  },
  'kept-out': {
    says: 'somebody has set {settings} on {upstream}, so {upstream} admits no standby',
    mending: 'admit',
    fix: `${REJOIN} resets this and restarts {upstream}: for a moment nobody can write`,
  },
  'wal-minimal': {
    line: /WAL was generated with "?wal_level=minimal"?/,
    says: '{upstream} once ran with wal_level = minimal: its WAL has a gap',
    mending: 'copy',
    fix: `${REJOIN} copies {node}`,
  },
  'wrong-password': {
    line: /password authentication failed for user "(?<role>[^"]*)"|no password supplied/,
    says: '{upstream} refuses its password for the role replicator, or the role is gone',
    mending: 'role',
    fix: `${REJOIN} gives the role its password back`,
  },
  'role-not-allowed': {
    line: /role "(?<role>[^"]*)" (?:does not exist|is not permitted to log in)|(?:must be superuser or replication role|permission denied) to start (?:a )?(?:walsender|WAL sender)|only roles? with the REPLICATION attribute/i,
    says: 'the role replicator may not replicate on {upstream}, or is gone',
    mending: 'role',
    fix: `${REJOIN} restores the role`,
  },
  'not-admitted': {
    line: /no pg_hba\.conf entry for|pg_hba\.conf rejects/,
    says: 'pg_hba.conf of {upstream} does not let it in',
    mending: 'hand',
    fix: 'make the container of {upstream} again (its data stays): docker rm -f {upstreamContainer}, then zx scripts/setup.ts',
  },
  'senders-in-use': {
    line: /number of requested standby connections exceeds "?max_wal_senders"?|too many connections for role "replicator"/,
    says: 'other clients use all WAL senders of {upstream}',
    mending: 'hand',
    fix: `end all but the standby: docker exec {upstreamContainer} psql -d polling -c "select pg_terminate_backend(pid) from pg_stat_replication where application_name <> '{node}'"`,
  },
  'sessions-in-use': {
    line: /too many clients already|remaining connection slots are reserved/,
    says: 'all connection slots of {upstream} are in use',
    mending: 'hand',
    fix: 'see which clients have them: zx scripts/status.ts',
  },
  'coming-up': {
    line: /the database system is (?:starting up|shutting down|in recovery mode|not yet accepting connections)/,
    says: '{upstream} is starting or stopping',
    mending: 'wait',
    fix: 'when {upstream} is up, it goes on by itself',
  },
  'no-connection': {
    line: /could not translate host name|Connection refused|No route to host|(?:Network|Host) is (?:unreachable|down)|timeout expired|Connection timed out|server closed the connection unexpectedly|terminating walreceiver due to timeout|Name or service not known/,
    says: 'it gets no connection to {upstream}',
    mending: 'wait',
    fix: 'zx scripts/fault.ts list shows whether a fault is in force; zx scripts/setup.ts starts what is down',
  },
  'no-session-left': {
    says: 'all its connection slots are in use, even those for the superuser',
    mending: 'hand',
    fix: 'end the clients that use them, or all sessions at once: docker restart {container}',
  },
  'other-upstream': {
    says: 'it follows {follows}, and not {upstream}',
    mending: 'point',
    fix: `${REJOIN} points it at {upstream}`,
  },
  'upstream-silent': {
    says: '{lost} does not answer',
    mending: 'point',
    passes: true,
    fix: `${REJOIN} brings it back, or points {node} at {upstream}`,
  },
  'set-by-hand': {
    says: 'somebody has set {settings} on it',
    mending: 'settings',
    fix: `${REJOIN} resets it`,
  },
  'data-rights': {
    line: /data directory "[^"]*" has (?:wrong ownership|invalid permissions)|could not (?:open|access|read)[^:]* (?:file|directory) [^:]*: Permission denied|cannot use its data: Permission denied/,
    says: 'it may not use its own data: their owner or their rights were changed',
    mending: 'hand',
    fix: `give them back: ${GIVE_DATA_BACK}; then zx scripts/setup.ts`,
  },
} as const satisfies Readonly<Record<string, Row>>

export type CauseName = keyof typeof CAUSES

/** Causes that keep any database from working. */
export const OF_DISK: ReadonlySet<CauseName> = new Set<CauseName>(['disk-full', 'disk-read-only', 'data-rights'])

/** A line that begins with `user@database` is about a client of the node, so it is no cause. */
const OF_SESSION = /^\S+ \S+ \S+ \[\d+\] \S*@\S* /

/** What the lines name: a slot, the process that uses it, a setting and its values. */
export type Named = Readonly<Record<string, string>>

/** After this line, what was said before is over. */
const STREAMS = /started streaming WAL from primary/

/** The cause that a log shows: the newest line that shows one counts, if the node has not streamed since. */
export function causeIn(log: string): { readonly cause: CauseName; readonly named: Named } | undefined {
  for (const line of log.split('\n').reverse()) {
    if (STREAMS.test(line)) return undefined
    for (const [cause, row] of Object.entries(CAUSES) as [CauseName, Row][]) {
      const found = OF_SESSION.test(line) && !OF_DISK.has(cause) ? undefined : row.line?.exec(line)
      if (found) return { cause, named: definedOf(found.groups ?? {}) }
    }
  }
  return undefined
}

const definedOf = (groups: Readonly<Record<string, string | undefined>>): Named =>
  Object.fromEntries(Object.entries(groups).filter((pair): pair is [string, string] => pair[1] !== undefined))
