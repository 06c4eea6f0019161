import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { BallotBox } from './ballot-box.ts'
import { lagOf, type Sighting } from './cluster/choose.ts'
import type { Cluster } from './cluster/cluster.ts'
import type { LiveResults } from './live/live-results.ts'
import type { Position } from './token.ts'

/** What the program counts. Names follow Prometheus' conventions; times are in seconds. */
export type Metrics = ReturnType<typeof makeMetrics>

/** Makes one registry with all metrics of the program, and of the Node process. */
export function makeMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    registry,
    calls: new Histogram({
      name: 'polling_call_duration_seconds',
      help: 'Time from the arrival of a call to its answer, by method and gRPC code.',
      labelNames: ['method', 'code'] as const,
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    failures: new Counter({
      name: 'polling_failures_total',
      help: 'Failed calls, by method and name in the error catalogue.',
      labelNames: ['method', 'failure'] as const,
      registers,
    }),
    turnedAway: new Counter({
      name: 'polling_connections_turned_away_total',
      help: 'Connections that were closed at once, because there were too many.',
      registers,
    }),
    writeRetries: new Counter({
      name: 'polling_write_retries_total',
      help: 'Writes tried again on the writable database after a definite failure.',
      registers,
    }),
    tokenReads: new Counter({
      name: 'polling_token_reads_total',
      help: 'Reads with a consistency token that were answered, by database: own (when it had caught up) or writable.',
      labelNames: ['database'] as const,
      registers,
    }),
    highestToken: new Gauge({
      name: 'polling_token_read_highest_position_bytes',
      help: 'The highest position in the WAL of a consistency token that a read was answered with, by database; bytes.',
      labelNames: ['database'] as const,
      registers,
    }),
    groupSize: new Histogram({
      name: 'polling_vote_group_size',
      help: 'Votes that were committed together, in one transaction.',
      buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
      registers,
    }),
  }
}

/** Counts reads with a consistency token, and keeps the highest position of a token. */
export function countTokenReads({ tokenReads, highestToken }: Metrics) {
  const highest = { own: 0n, writable: 0n }
  return (database: keyof typeof highest, { lsn }: Position): void => {
    tokenReads.inc({ database })
    if (lsn <= highest[database]) return
    highest[database] = lsn
    highestToken.set({ database }, Number(lsn))
  }
}

/** Adds a gauge of the votes that wait. */
export function watchBallotBox(registry: Registry, ballotBox: BallotBox): void {
  new Gauge({
    name: 'polling_votes_waiting',
    help: 'Votes that wait for their transaction to begin.',
    registers: [registry],
    collect() {
      this.set(ballotBox.votesWaiting())
    },
  })
}

/** Adds a gauge of the streams that follow polls. */
export function watchLiveResults(registry: Registry, live: LiveResults): void {
  new Gauge({
    name: 'polling_followers',
    help: 'Streams that follow the results of a poll.',
    registers: [registry],
    collect() {
      this.set(live.followers())
    },
  })
}

/** Adds gauges of the view of the cluster, and of the pools. */
export function watchCluster(registry: Registry, cluster: Cluster): void {
  const registers = [registry]
  const { view } = cluster
  // Read when scraped: between two scrapes they cost nothing.
  const perDatabase = (name: string, help: string, value: (sighting: Sighting) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['database'] as const,
      registers,
      collect() {
        for (const sighting of view.sightings()) this.set({ database: sighting.name }, value(sighting))
      },
    })
  const flag = (condition: boolean) => (condition ? 1 : 0)
  perDatabase('polling_database_reachable', '1 if the database answers probes.', (seen) => flag(seen.reachable))
  perDatabase('polling_database_timeline', 'Timeline of the database as last probed.', (seen) => seen.timeline)
  new Gauge({
    name: 'polling_database_lag_bytes',
    help: 'Bytes of WAL that the database was behind the writable one when last probed; absent if unknown.',
    labelNames: ['database'] as const,
    registers,
    collect() {
      this.reset()
      const sightings = view.sightings()
      for (const seen of sightings) {
        const lag = lagOf(seen, sightings, view.writable())
        if (lag !== undefined) this.set({ database: seen.name }, lag)
      }
    },
  })
  new Gauge({
    name: 'polling_writable_reason',
    help: 'Always 1; its label says why writes go to this database, or to none.',
    labelNames: ['reason'] as const,
    registers,
    collect() {
      this.reset()
      this.set({ reason: view.reason() }, 1)
    },
  })
  perDatabase('polling_database_writable', '1 on the database that this server writes to.', (seen) =>
    flag(seen.name === view.writable()),
  )
  perDatabase('polling_database_reads', '1 on the database that this server reads from.', (seen) =>
    flag(seen.name === view.readable()),
  )
  new Gauge({
    name: 'polling_pool',
    help: 'The pool of connections to a database: connections in total, idle ones, and calls that wait for one.',
    labelNames: ['database', 'what'] as const,
    registers,
    collect() {
      for (const database of cluster.databases) {
        for (const [what, count] of Object.entries(database.usage())) this.set({ database: database.name, what }, count)
      }
    },
  })
}
