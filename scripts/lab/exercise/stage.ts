import { status } from '@grpc/grpc-js'
import { attempt, look } from '../docker/command.ts'
import { BACKUPS_FOLDER } from '../docker/volume.ts'
import { LabError } from '../errors.ts'
import { experimentsSince } from '../experiment/folder.ts'
import type { Experiment } from '../experiment/record.ts'
import { heal } from '../faults/heal.ts'
import { inject, nodeNamed } from '../faults/inject.ts'
import type { Fault, FaultOptions } from '../faults/kind.ts'
import { faultsIn, KINDS, type KindName } from '../faults/kinds.ts'
import { EVERYWHERE, viewsOf } from '../faults/views.ts'
import { controlOf, managerOf } from '../managers/manager-of.ts'
import { dataOf } from '../postgres/data.ts'
import { openSession, type Session } from '../postgres/session.ts'
import { ask, change } from '../postgres/sql.ts'
import { IN_ORDER, type Level, type Rule } from '../rules/durability.ts'
import { momentIn } from '../rules/moment.ts'
import { castOnce, STORED } from '../service/call.ts'
import { type PollingClient, pollingClient } from '../service/client.ts'
import { metricsOf } from '../service/metrics.ts'
import { probeWrites, type WriteProbe } from '../service/write-probe.ts'
import { unreported } from '../steps.ts'
import {
  type DatabaseName,
  type DatabaseNode,
  endpointOf,
  type Lab,
  type NodeName,
  type ServerName,
} from '../topology/topology.ts'
import { type Backups, backupsOf, makeBackup } from '../verbs/backup.ts'
import { follow } from '../verbs/follow.ts'
import { replacePrimary } from '../verbs/replace.ts'
import { type Replication, replicationOf, setLevel } from '../verbs/replication.ts'
import { type LabStatus, statusOf } from '../verbs/status.ts'
import { type Look, until } from '../wait.ts'
import { silence } from './belongings.ts'
import { type Commands, commandsFor } from './commands.ts'
import { type Traffic, trafficOf } from './traffic.ts'

/** Everything that an exercise can see of the lab and do to it. */
export type Stage = {
  /** Creates a poll through the balancer; gives its uuid. */
  readonly createPoll: (question: string, options: readonly string[]) => Promise<string>
  /** Casts a vote for each user through the balancer; each has to be counted. */
  readonly vote: (poll: string, votes: Votes) => Promise<void>
  /** The same; then it waits until every database shows them. */
  readonly voteEverywhere: (poll: string, votes: Votes) => Promise<void>
  /** Results as one server counts them in its own database: votes by option. */
  readonly results: (poll: string, at: ServerName) => Promise<ReadonlyMap<string, number>>
  /** Votes as a database holds them. */
  readonly votesOn: (node: DatabaseName, poll: string) => Promise<Votes>
  /** Whether a database that answers still has that poll; true if none answers. */
  readonly hasPoll: (poll: string) => Promise<boolean>
  /** Writes votes into a database directly, not through the service, like a client that still has its address. */
  readonly castOn: (node: DatabaseName, poll: string, votes: Votes) => Promise<void>
  /** Asks the service at a node to write, and leaves nothing behind. */
  readonly probeWrites: (at: ServerName | 'loader') => Promise<WriteProbe>
  /** SQL that only reads, as the superuser; rows as lines, columns separated by `|`. */
  readonly ask: (node: DatabaseName, query: string) => Promise<string>
  /** SQL that changes something, as the superuser; each statement is a transaction of its own. */
  readonly change: (node: DatabaseName, ...statements: readonly string[]) => Promise<void>
  /** Casts one vote through a server, without a retry; gives the status of the answer, or why there was none. */
  readonly castOnce: (at: ServerName, poll: string, user: string, option: string) => Promise<string>
  /** Injects a fault; without peers, between the node and all others. */
  readonly fault: (
    kind: KindName,
    node: NodeName,
    how?: { readonly peers?: readonly NodeName[]; readonly options?: FaultOptions },
  ) => Promise<void>
  readonly heal: (...kinds: readonly KindName[]) => Promise<void>
  /** The faults of one node, those of its network too. */
  readonly faultsOf: (node: NodeName) => Promise<readonly Fault[]>
  readonly setLevel: (level: Level, rule?: Rule) => Promise<void>
  /** Makes a standby follow another database than it does. */
  readonly follow: (standby: DatabaseName, upstream: DatabaseName) => Promise<void>
  /** Makes a full backup, which switches archiving on; returns when a moment after it can be restored. */
  readonly backup: () => Promise<void>
  /** What is in the repository of backups, and how archiving goes. */
  readonly backups: () => Promise<Backups>
  /** Takes the lab itself back to a moment, with its time zone, however much is lost. */
  readonly goBack: (moment: string) => Promise<void>
  /** Deletes a segment from the archive, like a disk with errors. */
  readonly loseSegment: (name: string) => Promise<void>
  /** Fails over, however much is lost. */
  readonly failover: () => Promise<void>
  /** From now on the manager does nothing by itself. */
  readonly pauseManager: () => Promise<void>
  /** Changes settings of the manager, as typed: `ttl=30`. */
  readonly setManager: (...settings: readonly string[]) => Promise<void>
  /** From now on the manager promotes this database no more. */
  readonly exclude: (node: DatabaseName) => Promise<void>
  readonly status: () => Promise<LabStatus>
  readonly replication: () => Promise<Replication>
  /** Whether what one database writes now arrives at the other one, within 2 s if nothing else is said. */
  readonly passesOn: (primary: DatabaseName, standby: DatabaseName, seconds?: number) => Promise<boolean>
  /** What a database that does not run becomes when somebody starts it. If it is fenced, it does not start. */
  readonly nextStart: (node: DatabaseName) => Promise<'fenced' | 'standby' | 'primary'>
  /** What a node has logged since an ISO date. */
  readonly log: (node: NodeName, since: string) => Promise<string>
  /** When a node's container was made, in seconds since 1970: its log begins then. */
  readonly madeAt: (node: NodeName) => Promise<number>
  /** A session as the superuser that stays open until it is ended. */
  readonly session: (node: DatabaseName) => Session
  /** Experiments that began after an ISO date, the newest first. */
  readonly experiments: (since: string) => Promise<readonly Experiment[]>
  /** A metric of a server, by its name and labels as written; undefined if there is none. */
  readonly metric: (server: ServerName, name: string) => Promise<number | undefined>
  /** Waits until a look is done, at most 10 s if nothing else is said. */
  readonly until: <T>(what: string, look: () => Promise<Look<T>>, seconds?: number) => Promise<T>
  readonly traffic: Traffic
  /** Commands for solutions, as a learner would type them on this lab. */
  readonly type: Commands
}

/** Options by user. */
export type Votes = Readonly<Record<string, string>>

const WAIT_SECONDS = 10
/** Seconds, before `patience`, that WAL may take from the primary to a standby. */
const ARRIVAL_SECONDS = 2
/** Seconds, before `patience`, for a vote that is tried once. */
const ATTEMPT_SECONDS = 2

/** A commit that changes no table, and waits for no standby; gives a position at its end. */
const WRITE = `set synchronous_commit = local;
  select from pg_logical_emit_message(true, 'check', ''); select pg_current_wal_lsn()`

/** The stage of an exercise on that lab. */
export function stageOf(lab: Lab): Stage {
  const database = (name: DatabaseName) => nodeNamed(lab, name) as DatabaseNode
  const addressOf = (name: NodeName) => endpointOf(lab, nodeNamed(lab, name)) ?? ''
  const { patience } = lab.settings
  const calling = async <T>(at: NodeName, call: (client: PollingClient) => Promise<T>): Promise<T> => {
    const client = pollingClient(addressOf(at), patience)
    return call(client).finally(client.close)
  }
  const silent = () => {}
  const stage: Stage = {
    createPoll: (question, options) =>
      calling('loader', async (client) => (await client.createPoll(question, options)).uuid),
    vote: (poll, votes) =>
      calling('loader', async (client) => {
        for (const [user, option] of Object.entries(votes)) {
          const { status } = await client.castVote(poll, user, option)
          if (status !== STORED) throw new Error(`the vote of ${user} for ${option}: ${status}`)
        }
      }),
    async voteEverywhere(poll, votes) {
      await stage.vote(poll, votes)
      await stage.until('these votes on every database', async () => {
        const held = await Promise.all(lab.databases.map(({ name }) => stage.votesOn(name, poll)))
        const missing = Object.keys(votes).filter((user) => held.some((there) => there[user] === undefined))
        return missing.length === 0 ? { done: undefined } : { seen: `the votes of ${missing.join(', ')} are missing` }
      })
    },
    results: (poll, at) => calling(at, async (client) => (await client.results(poll)).results),
    async votesOn(node, poll) {
      // Without statistics, because an exercise may look at who has read a table.
      const query = `set track_counts = off; select json_object_agg(user_id, options[option] order by user_id) from vote join poll on id = poll_id where id = '${poll}'`
      return JSON.parse((await ask(lab, database(node), query)) || '{}')
    },
    async hasPoll(poll) {
      const query = `select count(*) from poll where id = '${poll}'`
      const counts = await Promise.all(lab.databases.map((node) => ask(lab, node, query).catch(silence)))
      const answers = counts.filter((count) => typeof count === 'string')
      return answers.length === 0 || answers.includes('1')
    },
    async castOn(node, poll, votes) {
      for (const [user, option] of Object.entries(votes))
        await change(
          silent,
          database(node),
          `insert into vote (poll_id, user_id, option) select id, '${user}', array_position(options, '${option}') from poll where id = '${poll}'`,
        )
    },
    probeWrites: (at) => probeWrites(addressOf(at), 3 * patience),
    ask: (node, query) => ask(lab, database(node), query),
    change: async (node, ...statements) => void (await change(silent, database(node), ...statements)),
    async castOnce(at, poll, user, option) {
      const vote = { uuid: poll, userID: user, select_options: option }
      const got = await castOnce(addressOf(at), vote, ATTEMPT_SECONDS * patience)
      return got.error === null ? got.answer.status : (status[got.error.code] ?? String(got.error.code))
    },
    async fault(name, node, { peers = [], options = {} } = {}) {
      const kind = KINDS.find((it) => it.name === name)
      if (kind === undefined) throw new Error(`no kind of fault ${name}`)
      const strange = Object.keys(options).filter((option) => !Object.hasOwn(kind.options, option))
      if (strange.length > 0) throw new Error(`${name} has no option ${strange.join(', ')}`)
      await inject(lab, { kind, node, peers, options }, unreported)
    },
    heal: async (...kinds) => void (await heal(lab, { kinds, nodes: [] }, unreported)),
    faultsOf: async (node) => faultsIn(await viewsOf(lab, [nodeNamed(lab, node)], EVERYWHERE)),
    setLevel: async (level, rule = IN_ORDER) => void (await setLevel(lab, { level, rule }, false, unreported)),
    follow: async (standby, upstream) => void (await follow(lab, standby, upstream, unreported)),
    async backup() {
      const { ended } = await makeBackup(lab, 'full', unreported)
      await stage.until('the second after the backup', async () =>
        Date.now() > (ended + 1) * 1000 ? { done: undefined } : { seen: 'the repository counts whole seconds' },
      )
    },
    backups: () => backupsOf(lab),
    goBack: async (moment) =>
      void (await replacePrimary(lab, { kind: 'time', at: momentIn(moment) }, undefined, true, unreported)),
    async loseSegment(name) {
      const find = `find ${BACKUPS_FOLDER}/archive -name '${name}-*' -print -delete`
      const deleted = await look(['exec', database('db-primary').container, 'bash', '-c', find])
      if (deleted === '') throw new Error(`no segment ${name} in the archive`)
    },
    failover: async () =>
      void (await managerOf(lab).failover(lab, { maxLag: undefined, force: true, keepReports: false }, unreported)),
    pauseManager: async () => void (await controlOf(lab).pause(lab, unreported)),
    setManager: async (...settings) => void (await controlOf(lab).set(lab, settings, unreported)),
    exclude: async (node) => void (await controlOf(lab).exclude(lab, node, unreported)),
    status: () => statusOf(lab),
    replication: () => replicationOf(lab),
    async passesOn(primary, standby, seconds = ARRIVAL_SECONDS) {
      const written = await ask(lab, database(primary), WRITE)
      const query = `select pg_last_wal_receive_lsn() >= '${written.split('\n').at(-1)}'`
      const arrival = until(`WAL of ${primary} at ${standby}`, { seconds, patience }, async () => {
        const arrived = (await ask(lab, database(standby), query)) === 't'
        return arrived ? { done: true } : { seen: 'less than was written' }
      })
      return arrival.catch((error) => {
        if (error instanceof LabError && error.code === 'TIMEOUT') return false
        throw error
      })
    },
    async nextStart(name) {
      const { is } = await dataOf(database(name), 'exited')
      if (is === 'fenced') return is
      return is === 'follower' || is === 'standby' ? 'standby' : 'primary'
    },
    async log(name, since) {
      const { stdout, stderr } = await attempt(['logs', '--since', since, nodeNamed(lab, name).container])
      return `${stdout}\n${stderr}`
    },
    async madeAt(name) {
      const { stdout } = await attempt(['inspect', '-f', '{{.Created}}', nodeNamed(lab, name).container])
      return Date.parse(stdout) / 1000
    },
    session: (name) => openSession(database(name)),
    experiments: experimentsSince,
    async metric(server, name) {
      const node = lab.servers.find((it) => it.name === server)
      return node && (await metricsOf(node))?.get(name)
    },
    until: (what, look, seconds = WAIT_SECONDS) => until(what, { seconds, patience }, look),
    traffic: trafficOf(lab),
    type: commandsFor(lab),
  }
  return stage
}
