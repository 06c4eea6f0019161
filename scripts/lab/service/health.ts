import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { Client, credentials, Metadata, status } from '@grpc/grpc-js'
import { detailsOf } from './error-details.ts'

/** Asks the standard health service at `address`: gives `SERVING`, `NOT_SERVING`, or why there was no answer. */
export async function healthOf(address: string, seconds: number, service = ''): Promise<string> {
  const client = new Client(address, credentials.createInsecure())
  try {
    return await new Promise((resolve) => {
      const deadline = new Date(Date.now() + seconds * 1000)
      client.makeUnaryRequest(
        '/grpc.health.v1.Health/Check',
        requestBytes,
        servingStatus,
        service,
        new Metadata(),
        { deadline },
        (error, answer) => resolve(error ? `${status[error.code]}: ${detailsOf(error)}` : (answer ?? 'UNKNOWN')),
      )
    })
  } finally {
    client.close()
  }
}

// Both messages have one field. grpc-health-check would load and parse their .proto file at each start of a verb.

/** A `HealthCheckRequest`; without a service it is empty, and asks about the server as a whole. */
const requestBytes = (service: string): Buffer =>
  Buffer.from(service === '' ? [] : new BinaryWriter().tag(1, WireType.LengthDelimited).string(service).finish())

/** Values of `HealthCheckResponse.ServingStatus`, in the order of their numbers. */
const SERVING_STATUS = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']

/** The status in a `HealthCheckResponse`; not sent, it is the first. */
export function servingStatus(answer: Buffer): string {
  const reader = new BinaryReader(answer)
  let found = 0
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    if (field === 1) found = reader.int32()
    else reader.skip(type)
  }
  return SERVING_STATUS[found] ?? `status ${found}`
}
