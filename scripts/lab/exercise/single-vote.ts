import { credentials, Metadata, status } from '@grpc/grpc-js'
import { VoteServiceClient } from '../../../proto/gen/polling.ts'

/** A vote by name. */
export type SingleVote = { readonly poll: string; readonly user: string; readonly option: string }

/**
 * Casts a vote at `address` once, without a retry. Gives the status of the contract, or the gRPC code of the failure:
 * DEADLINE_EXCEEDED if no answer came in `seconds`.
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
