import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { test } from 'tap'
import { detailsOf } from '../details.ts'
import { addressOf, patience } from '../the-lab.ts'

const page = await readFile(join(import.meta.dirname, '../../docs/errors.md'), 'utf8')

/** The error that answers these bytes, sent as the request of any method. */
function refusal(address: string, path: string, request: Buffer): Promise<ServiceError> {
  const client = new Client(address, credentials.createInsecure())
  const asIs = (bytes: Buffer) => bytes
  return new Promise<ServiceError>((resolve, reject) => {
    const deadline = Date.now() + 10_000 * patience
    client.makeUnaryRequest(path, asIs, asIs, request, new Metadata(), { deadline }, (error) =>
      error ? resolve(error) : reject(new Error('it was answered')),
    )
  }).finally(() => client.close())
}

const pollRequest = (uuid: string) => Buffer.concat([Buffer.from([10, uuid.length]), Buffer.from(uuid)])

for (const name of ['loader', 'primary', 'backup'] as const) {
  test(`${name}: an error carries google.rpc.Status, with the field that is wrong`, async (t) => {
    const invalid = await refusal(addressOf(name), '/polling.PollService/ClosePoll', pollRequest('nonsense'))
    t.match(detailsOf(invalid.metadata), {
      code: status.INVALID_ARGUMENT,
      message: invalid.details,
      ErrorInfo: {
        reason: 'INVALID_FIELD',
        domain: 'polling',
        metadata: new Map(Object.entries({ certainty: 'definite', retry: 'no' })),
      },
      BadRequest: { field_violations: [{ field: 'uuid', description: 'must be a UUID of 36 characters' }] },
    })
    const unknown = await refusal(addressOf(name), '/polling.PollService/ClosePoll', pollRequest(randomUUID()))
    const details = detailsOf(unknown.metadata)
    t.match(details, { code: status.NOT_FOUND, ErrorInfo: { reason: 'POLL_NOT_FOUND' } })
    if (name === 'loader') t.match(details.RequestInfo, { request_id: /^[0-9a-f]{32}$/ })
  })

  test(`${name}: what gRPC refuses before the service sees it is answered as the page of errors says`, async (t) => {
    const cases = [
      [
        '/polling.PollService/NoSuchMethod',
        Buffer.alloc(0),
        'UNIMPLEMENTED',
        'The server does not implement the method',
      ],
      ['/polling.PollService/ClosePoll', Buffer.from([10, 99, 1]), 'INTERNAL', 'Error deserializing request'],
      [
        '/polling.PollService/ClosePoll',
        Buffer.alloc(1_100_000),
        'RESOURCE_EXHAUSTED',
        'Received message larger than max',
      ],
    ] as const
    for (const [path, request, code, says] of cases) {
      const error = await refusal(addressOf(name), path, request)
      t.equal(status[error.code], code, error.details)
      t.ok(error.details.startsWith(says), error.details)
      t.ok(page.includes(`| ${code} | \`${says}`), `the page tells of ${says}`)
    }
  })
}
