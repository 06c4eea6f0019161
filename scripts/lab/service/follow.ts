import { setTimeout as pause } from 'node:timers/promises'
import { credentials, type ServiceError, status } from '@grpc/grpc-js'
import { type PollResultResponse, ResultServiceClient } from '../../../proto/gen/polling.ts'
import { interruption } from '../interruption.ts'
import { metadataOf } from './call.ts'
import { callFailed } from './client.ts'

/** News of a poll that is followed. */
export type LiveNews =
  | { readonly kind: 'results'; readonly results: PollResultResponse }
  /** The stream ended and is opened again. */
  | { readonly kind: 'interrupted'; readonly why: string }
  /** The next counts may be lower than before. */
  | { readonly kind: 'history lost'; readonly why: string }

/** Following fails after this many seconds without results, before `patience`. */
const GIVE_UP_SECONDS = 30
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 1000

// If a server stops or dies, or the balancer breaks off (INTERNAL), the other server can go on.
const WORTH_ANOTHER_TRY = new Set([status.UNAVAILABLE, status.INTERNAL, status.RESOURCE_EXHAUSTED])
// After a failover or a reset the write of the consistency token may be gone.
const HISTORY_LOST = new Set([status.DATA_LOSS, status.OUT_OF_RANGE])

/** Follows a poll until it is closed: gives its results when they change. If a server goes away, it follows on another. */
export async function* followResults(address: string, uuid: string, patience: number): AsyncGenerator<LiveNews, void> {
  const client = new ResultServiceClient(address, credentials.createInsecure())
  let token: string | undefined
  let heardAt = performance.now()
  let delay = FIRST_PAUSE_MS
  try {
    for (;;) {
      const call = client.followResults({ uuid }, metadataOf({ token }))
      const stop = () => call.cancel()
      interruption.signal.addEventListener('abort', stop)
      try {
        for await (const results of call as AsyncIterable<PollResultResponse>) {
          token = results.consistency_token ?? token
          heardAt = performance.now()
          delay = FIRST_PAUSE_MS
          yield { kind: 'results', results }
        }
        return
      } catch (cause) {
        interruption.signal.throwIfAborted()
        const error = cause as ServiceError
        const tooLong = performance.now() - heardAt > GIVE_UP_SECONDS * 1000 * patience
        const lost = HISTORY_LOST.has(error.code)
        if (tooLong || !(lost || WORTH_ANOTHER_TRY.has(error.code))) throw callFailed('FollowResults', address, error)
        if (lost) token = undefined
        yield { kind: lost ? 'history lost' : 'interrupted', why: error.details }
      } finally {
        interruption.signal.removeEventListener('abort', stop)
        call.cancel()
      }
      await pause(delay, undefined, { signal: interruption.signal })
      delay = Math.min(delay * 2, LONGEST_PAUSE_MS)
    }
  } finally {
    client.close()
  }
}
