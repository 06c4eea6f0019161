// A plain follower of a poll, without reconnecting: a test wants to see how its stream ends.
import { type ClientReadableStream, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import type { Test } from 'tap'
import { type PollResultResponse, ResultServiceClient } from '../proto/gen/polling.ts'
import { until } from '../scripts/lab/wait.ts'
import { plain, type Results } from './grpc.ts'
import { patience } from './the-lab.ts'

/** How a stream ended: `OK`, or the status and the failure in the catalogue. */
export type End = { readonly status: string; readonly failure: string }

export type Following = {
  readonly call: ClientReadableStream<PollResultResponse>
  readonly messages: Results[]
  readonly ended: Promise<End>
  /** Undefined while the stream is open. */
  readonly end: () => End | undefined
  /** Waits until the last results are these. */
  readonly shows: (results: Record<string, number>, seconds?: number) => Promise<void>
}

/** Follows a poll at `address`, with a deadline if `seconds` is given. */
export function follow(
  t: Test,
  address: string,
  uuid: string,
  { seconds, token }: { readonly seconds?: number; readonly token?: string } = {},
): Following {
  const client = new ResultServiceClient(address, credentials.createInsecure(), {
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1,
  })
  t.teardown(() => client.close())
  const metadata = new Metadata()
  if (token !== undefined) metadata.set('consistency-token', token)
  const options = seconds === undefined ? {} : { deadline: Date.now() + seconds * 1000 }
  const call = client.followResults({ uuid }, metadata, options)
  t.teardown(() => call.cancel())
  const messages: Results[] = []
  let end: End | undefined
  call.on('data', (message: PollResultResponse) => messages.push(plain(message)))
  const ended = new Promise<End>((resolve) => {
    call.on('error', ({ code, metadata }: ServiceError) =>
      resolve({ status: status[code] ?? '', failure: String(metadata.get('x-failure')[0] ?? '') }),
    )
    call.on('end', () => resolve({ status: 'OK', failure: '' }))
  }).then((it) => {
    end = it
    return it
  })
  const shows = (results: Record<string, number>, wait = 10) =>
    until(`the stream to show ${JSON.stringify(results)}`, { seconds: wait, patience }, async () => {
      const last = messages.at(-1)?.results
      const same = Object.entries(results).every(([option, votes]) => last?.[option] === votes)
      return same ? { done: undefined } : { seen: `${JSON.stringify(last)}, ${JSON.stringify(end)}` }
    })
  return { call, messages, ended, end: () => end, shows }
}
