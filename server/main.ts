import { type Readiness, startAdmin } from './admin.ts'
import { makeBallotBox } from './ballot-box.ts'
import { makeCluster } from './cluster/cluster.ts'
import { attendDoor, makeDoor } from './door.ts'
import { watchConnections } from './drain.ts'
import { causeText } from './errors.ts'
import { makeGrpcServer } from './grpc-server.ts'
import { makeLiveResults } from './live/live-results.ts'
import { logWarnings, makeLog } from './log.ts'
import { countTokenReads, makeMetrics, watchBallotBox, watchCluster, watchLiveResults } from './metrics.ts'
import { makeReader } from './reader.ts'
import { waitForSchema } from './schema.ts'
import { describeProblems, readSettings } from './settings.ts'
import { atMost, onStopSignal, onUncaught } from './shutdown.ts'

/** sysexits.h: EX_CONFIG. */
const EXIT_CONFIG = 78
/** This and the grace period together must be below 10 s: after that service managers usually kill. */
const CLOSE_POOLS_MS = 1000

const settings = readSettings(process.env)
if ('problems' in settings) {
  process.stderr.write(`The server cannot start:\n${describeProblems(settings.problems)}\n`)
  process.exit(EXIT_CONFIG)
}

const log = makeLog(settings.nodeName, settings.logLevel)
onUncaught(log)
logWarnings(log)
const metrics = makeMetrics()
const cluster = makeCluster(settings, log)
watchCluster(metrics.registry, cluster)
const ballotBox = makeBallotBox(cluster, {
  retried: () => metrics.writeRetries.inc(),
  committed: (votes) => metrics.groupSize.observe(votes),
})
watchBallotBox(metrics.registry, ballotBox)
const reader = makeReader(cluster, countTokenReads(metrics))
const live = makeLiveResults(cluster, reader)
watchLiveResults(metrics.registry, live)
const context = { node: settings.nodeName, log, metrics, patience: settings.patience }
const { server, endStreams } = makeGrpcServer(context, cluster.view, ballotBox, reader, live)

const connections = watchConnections(server, settings.graceSeconds, log)
const door = makeDoor(server, settings.port, () => metrics.turnedAway.inc())

const stopped = new AbortController()
let leaveDoor = () => {}
let phase: 'starting' | 'serving' | 'stopping' = 'starting'

function readiness(): Readiness {
  if (phase !== 'serving') return { ready: false, reason: phase }
  const readable = cluster.view.readable()
  if (readable === undefined) return { ready: false, reason: `no database answers: ${cluster.view.reason()}` }
  return {
    ready: true,
    reason: `reads from ${readable}, writes to ${cluster.view.writable() ?? 'none'}: ${cluster.view.reason()}`,
  }
}

onStopSignal(log, async () => {
  phase = 'stopping'
  endStreams()
  stopped.abort()
  leaveDoor()
  await connections.drain(door)
  await atMost(CLOSE_POOLS_MS, cluster.stop())
})

try {
  await startAdmin(settings.metricsPort, metrics.registry, readiness)
  cluster.view.start()
  const problem = await waitForSchema(settings, cluster.view, log, stopped.signal)
  if (problem) {
    log.fatal(problem, 'the schema cannot be brought up to date')
    process.exit(EXIT_CONFIG)
  }
  if (!stopped.signal.aborted) {
    // So that every database has been probed before the first call.
    await cluster.view.refresh()
    await door.open()
    // A signal may have come in the meantime.
    if (stopped.signal.aborted) {
      door.shut()
    } else {
      phase = 'serving'
      leaveDoor = attendDoor(door, cluster.view, connections.dismiss, log)
    }
    log.info({ port: settings.port, metricsPort: settings.metricsPort, ...readiness() }, phase)
  }
} catch (error) {
  log.fatal({ cause: causeText(error) }, 'the server cannot start')
  process.exit(1)
}
