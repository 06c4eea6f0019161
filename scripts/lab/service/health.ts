import { Client, credentials, Metadata, status } from '@grpc/grpc-js'
import { service as healthService } from 'grpc-health-check'
import { detailsOf } from './error-details.ts'

/** `SERVING`, `NOT_SERVING`, or why there was no answer: the standard health service asked at `address`. */
export async function healthOf(address: string, seconds: number, service = ''): Promise<string> {
  const client = new Client(address, credentials.createInsecure())
  const { path, requestSerialize, responseDeserialize } = healthService['Check'] ?? {}
  if (!path || !requestSerialize || !responseDeserialize) throw new Error('the health service has no Check')
  try {
    return await new Promise((resolve) => {
      const deadline = new Date(Date.now() + seconds * 1000)
      client.makeUnaryRequest(
        path,
        requestSerialize,
        (answer) => responseDeserialize(answer) as Health,
        { service },
        new Metadata(),
        { deadline },
        (error, answer) =>
          resolve(error ? `${status[error.code]}: ${detailsOf(error)}` : (answer?.status ?? 'UNKNOWN')),
      )
    })
  } finally {
    client.close()
  }
}
type Health = { readonly status: string }
