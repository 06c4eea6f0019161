import type { handleServerStreamingCall, handleUnaryCall, Server, ServerWritableStream } from '@grpc/grpc-js'
import { HealthImplementation, type ServingStatus } from 'grpc-health-check'
import type { ClusterView } from '../cluster/view.ts'

/** The standard health service, which follows the view of the cluster. */
export type Health = {
  /** The server is stopping: from now on it says NOT_SERVING for everything, and ends the streams of Watch. */
  stop(): void
}

const READ_SERVICES = ['', 'polling.PollService', 'polling.ResultService'] as const
const WRITE_SERVICE = 'polling.VoteService'

const UNKNOWN_SERVICE = 'Health status unknown for this service'

type Watcher = ServerWritableStream<unknown, unknown>

/** Adds grpc.health.v1.Health: SERVING where reads work, and for votes where writes do. */
export function addHealth(server: Server, view: ClusterView): Health {
  const health = new HealthImplementation()
  const watchers = new Set<Watcher>()
  let stopped = false
  const say = (reads: ServingStatus, writes: ServingStatus) => {
    for (const service of READ_SERVICES) health.setStatus(service, reads)
    health.setStatus(WRITE_SERVICE, writes)
  }
  const servingIf = (database: string | undefined): ServingStatus => (database ? 'SERVING' : 'NOT_SERVING')
  const update = () => {
    if (!stopped) say(servingIf(view.readable()), servingIf(view.writable()))
  }
  update()
  view.onChange(update)
  health.addToServer({
    addService(definition, implementation) {
      const check = implementation['check'] as handleUnaryCall<unknown, unknown>
      const watch = implementation['watch'] as handleServerStreamingCall<unknown, unknown>
      // Watchers are remembered, so that they can be ended: an endless stream would delay a clean stop until its last second.
      const watchAndKeep = (call: Watcher) => {
        watchers.add(call)
        call.on('cancelled', () => watchers.delete(call))
        watch(call)
      }
      // Without the name of the service: if the answer repeated a long name, a balancer would take the server for broken.
      const checkBriefly: typeof check = (call, callback) =>
        check(call, (error, answer) => callback(error && { ...error, details: UNKNOWN_SERVICE }, answer))
      server.addService(definition, { ...implementation, check: checkBriefly, watch: watchAndKeep })
    },
  })
  return {
    stop() {
      stopped = true
      say('NOT_SERVING', 'NOT_SERVING')
      for (const call of watchers) call.end()
    },
  }
}
