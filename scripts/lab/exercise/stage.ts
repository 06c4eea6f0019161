import { credentials, Metadata, status } from '@grpc/grpc-js'
import type { PollResultResponse } from '../../../proto/gen/polling.ts'
import { VoteServiceClient } from '../../../proto/gen/polling.ts'
import { attempt } from '../docker/command.ts'
import { hasFile, noteOf } from '../docker/nodes.ts'
import { experimentsSince } from '../experiment/folder.ts'
import type { Experiment } from '../experiment/record.ts'
import { heal } from '../faults/heal.ts'
import { inject, nodeNamed } from '../faults/inject.ts'
import type { FaultOptions } from '../faults/kind.ts'
import { KINDS, type KindName } from '../faults/kinds.ts'
import { openSession, type Session } from '../postgres/session.ts'
import { ask, change } from '../postgres/sql.ts'
import type { Level } from '../rules/durability.ts'
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
import { failover } from '../verbs/failover.ts'
import { type Replication, replicationOf, setLevel } from '../verbs/replication.ts'
import { type LabStatus, statusOf } from '../verbs/status.ts'
import { type Look, until } from '../wait.ts'
import { silence } from './belongings.ts'
import { type Commands, commandsFor } from './commands.ts'

import { type Traffic, trafficOf } from './traffic.ts'

/** All that an exercise can see of the lab, and do to it. */
export type Stage = {
  /** A new poll, through the balancer; gives its uuid. */
  readonly createPoll: (question: string, options: readonly string[]) => Promise<string>
  /** A vote for each user, through the balancer; each has to be counted. */
  readonly vote: (poll: string, votes: Votes) => Promise<void>
  /** The same, and waits until db-replica, a standby, shows them too. */
  readonly voteEverywhere: (poll: string, votes: Votes) => Promise<void>
  /** Results as one server counts them in its own database. */
  readonly results: (poll: string, at: ServerName) => Promise<Readonly<Record<string, number>>>
  /** Votes as a database holds them. */
  readonly votesOn: (node: DatabaseName, poll: string) => Promise<Votes>
  /** Whether any database that answers has that poll still; true where none answers. */
  readonly hasPoll: (poll: string) => Promise<boolean>
  /** Votes that reach a database past the service, as through a client that still knew it. */
  readonly castOn: (node: DatabaseName, poll: string, votes: Votes) => Promise<void>
  /** Asks the service at a node to write, and leaves nothing behind. */
  readonly probeWrites: (at: ServerName | 'loader') => Promise<WriteProbe>
  /** SQL that only looks, as the superuser; rows as lines, columns separated by `|`. */
  readonly ask: (node: DatabaseName, query: string) => Promise<string>
  /** SQL that changes something, as the superuser, each statement a transaction of its own. */
  readonly change: (node: DatabaseName, ...statements: readonly string[]) => Promise<void>
  /** One vote through a server, tried once; gives the status that it was answered with, or why it was not. */
  readonly castOnce: (at: ServerName, poll: string, user: string, option: string) => Promise<string>
  /** Brings a fault about; without peers between the node and all others. */
  readonly fault: (
    kind: KindName,
    node: NodeName,
    how?: { readonly peers?: readonly NodeName[]; readonly options?: FaultOptions },
  ) => Promise<void>
  readonly heal: (...kinds: readonly KindName[]) => Promise<void>
  readonly setLevel: (level: Level) => Promise<void>
  /** Fails over whatever is lost. */
  readonly failover: () => Promise<void>
  readonly status: () => Promise<LabStatus>
  readonly replication: () => Promise<Replication>
  /** What a database that does not run becomes when it is started: nothing, where it is fenced. */
  readonly nextStart: (node: DatabaseName) => Promise<'fenced' | 'standby' | 'primary'>
  /** What a node has logged since a moment, an ISO date. */
  readonly log: (node: NodeName, since: string) => Promise<string>
  /** A session as the superuser that stays open until it is ended. */
  readonly session: (node: DatabaseName) => Session
  /** Experiments that began after a moment, an ISO date, the newest first. */
  readonly experiments: (since: string) => Promise<readonly Experiment[]>
  /** One of a server's metrics, named and labelled as it is written; undefined where there is none. */
  readonly metric: (server: ServerName, name: string) => Promise<number | undefined>
  /** Waits until a look is done, for 10 s at most. */
  readonly until: <T>(what: string, look: () => Promise<Look<T>>) => Promise<T>
  readonly traffic: Traffic
  /** Commands for solutions, as a learner would type them on this lab. */
  readonly type: Commands
}

/** Options by user. */
export type Votes = Readonly<Record<string, string>>

const WAIT_SECONDS = 10
/** What a vote may take that is tried once, before patience. */
const ATTEMPT_SECONDS = 2

/** The stage that a lab is. */
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
          if (status !== 'Vote Successfully!') throw new Error(`the vote of ${user} for ${option}: ${status}`)
        }
      }),
    async voteEverywhere(poll, votes) {
      await stage.vote(poll, votes)
      await stage.until('these votes on db-replica', async () => {
        const held = await stage.votesOn('db-replica', poll)
        const missing = Object.keys(votes).filter((user) => held[user] === undefined)
        return missing.length === 0 ? { done: undefined } : { seen: `not those of ${missing.join(', ')}` }
      })
    },
    results: (poll, at) =>
      calling(at, async (client): Promise<PollResultResponse['results']> => (await client.results(poll)).results),
    async votesOn(node, poll) {
      // Not counted, since who has read a table is what an exercise may ask.
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
    castOnce: (at, poll, user, option) => castOnce(addressOf(at), { poll, user, option }, ATTEMPT_SECONDS * patience),
    async fault(name, node, { peers = [], options = {} } = {}) {
      const kind = KINDS.find((it) => it.name === name)
      if (kind === undefined) throw new Error(`no kind of fault ${name}`)
      const strange = Object.keys(options).filter((option) => !Object.hasOwn(kind.options, option))
      if (strange.length > 0) throw new Error(`${name} has no option ${strange.join(', ')}`)
      await inject(lab, { kind, node, peers, options }, unreported)
    },
    heal: async (...kinds) => void (await heal(lab, { kinds, nodes: [] }, unreported)),
    setLevel: async (level) => void (await setLevel(lab, level, false, unreported)),
    failover: async () =>
      void (await failover(lab, { maxLag: undefined, force: true, keepReports: false }, unreported)),
    status: () => statusOf(lab),
    replication: () => replicationOf(lab),
    async nextStart(name) {
      const node = database(name)
      const note = await noteOf(node)
      if (note === 'fenced') return 'fenced'
      const follows = note !== undefined && ['follow', 'rewind', 'copy', node.peer].includes(note)
      return follows || (await hasFile(node, 'standby.signal')) ? 'standby' : 'primary'
    },
    async log(name, since) {
      const { stdout, stderr } = await attempt(['logs', '--since', since, nodeNamed(lab, name).container])
      return `${stdout}\n${stderr}`
    },
    session: (name) => openSession(database(name)),
    experiments: experimentsSince,
    async metric(server, name) {
      const node = lab.servers.find((it) => it.name === server)
      return node && (await metricsOf(node))?.get(name)
    },
    until: (what, look) => until(what, { seconds: WAIT_SECONDS, patience }, look),
    traffic: trafficOf(lab),
    type: commandsFor(lab),
  }
  return stage
}

/** A vote by name. */
export type SingleVote = { readonly poll: string; readonly user: string; readonly option: string }

/**
 * Casts a vote at `address` and tries no second time. Gives the status of the contract, or the gRPC code of the failure:
 * DEADLINE_EXCEEDED where no answer came in `seconds`.
 */
export function castOnce(address: string, vote: SingleVote, seconds: number): Promise<string> {
  const client = new VoteServiceClient(address, credentials.createInsecure(), { 'grpc.enable_retries': 0 })
  const request = { uuid: vote.poll, userID: vote.user, select_options: vote.option }
  return new Promise<string>((resolve) => {
    client.castVote(request, new Metadata(), { deadline: Date.now() + seconds * 1000 }, (error, answer) =>
      resolve(error ? (status[error.code] ?? String(error.code)) : answer.status),
    )
  }).finally(() => client.close())
}
