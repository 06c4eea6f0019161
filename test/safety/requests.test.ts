// One client's calls, whatever they carry, must cost nobody else a call: not on the same connection, and not through the
// balancer, which takes a server for dead that resets a stream or answers at too great a length.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'tap'
import { PollRequest } from '../../proto/gen/polling.ts'
import { addressOf, containerOf, docker, logsOf } from '../the-lab.ts'
import { othersAreServed } from './bystander.ts'
import { beginning, ends, framed, rawCall, type Session, session } from './wire.ts'

const page = await readFile(join(import.meta.dirname, '../../docs/errors.md'), 'utf8')

const RESULTS = '/polling.ResultService/GetPollResults'
const body = framed(Buffer.from(PollRequest.encode({ uuid: crypto.randomUUID() }).finish()))
const compressed = Buffer.from([1, ...body.subarray(1)])
/** grpc.health.v1.HealthCheckRequest of a service with a name of 9000 bytes. */
const longName = framed(Buffer.concat([Buffer.from([10, 0xa8, 0x46]), Buffer.alloc(9000, 's')]))

const entries = (count: number, value = 'x') =>
  Object.fromEntries(Array.from({ length: count }, (_, nth) => [`entry-${nth}`, value]))

type Hostile = { path?: string; headers?: Record<string, string>; body?: Buffer; answer: RegExp }

const ANSWERED = /^5 POLL_NOT_FOUND/
/** Calls, and what answers each: a number of gRPC's, and the name or the beginning of the message on the page of errors. */
const CALLS: Record<string, Hostile> = {
  'none that is wrong': { answer: ANSWERED },
  '122 entries': { headers: entries(122), answer: ANSWERED },
  '130 entries': { headers: entries(130), answer: ANSWERED },
  '980 entries': { headers: entries(980), answer: /^8 METADATA_TOO_LARGE/ },
  'entries of 30 kB': { headers: entries(300, 'x'.repeat(90)), answer: /^8 METADATA_TOO_LARGE/ },
  'a value of 15,000 bytes': { headers: { entry: 'x'.repeat(15_000) }, answer: ANSWERED },
  'a value of 16,000 bytes': {
    headers: { entry: 'x'.repeat(16_000) },
    answer: /^(5 POLL_NOT_FOUND|8 METADATA_TOO_LARGE)/,
  },
  'a value of 20,000 bytes': { headers: { entry: 'x'.repeat(20_000) }, answer: /^8 METADATA_TOO_LARGE/ },
  'a value of 60,000 bytes': { headers: { entry: 'x'.repeat(60_000) }, answer: /^8 METADATA_TOO_LARGE/ },
  'a path of 7000 bytes': { path: `/polling.PollService/${'x'.repeat(7000)}`, answer: /^12 UNKNOWN_METHOD/ },
  'a path with a question': { path: `${RESULTS}?a=b`, answer: /^12 UNKNOWN_METHOD/ },
  'the path /': { path: '/', answer: /^12 UNKNOWN_METHOD/ },
  'a method that there is not': { path: '/polling.PollService/No', answer: /^12 The server does not implement/ },
  'a key that is not ASCII': { headers: { 'idempotency-key': 'é' }, answer: /^3 INVALID_FIELD idempotency-key/ },
  'a key as bytes': { headers: { 'idempotency-key-bin': 'AAAA' }, answer: /^3 INVALID_FIELD idempotency-key-bin/ },
  'text that is not ASCII': { headers: { entry: 'é' }, answer: /^3 INVALID_FIELD entry/ },
  'no known timeout': { headers: { 'grpc-timeout': 'soon' }, answer: /^3 INVALID_FIELD grpc-timeout/ },
  'a negative timeout': { headers: { 'grpc-timeout': '-1S' }, answer: /^3 INVALID_FIELD grpc-timeout/ },
  'a timeout of 6000 bytes': { headers: { 'grpc-timeout': 'x'.repeat(6000) }, answer: /^3 INVALID_FIELD grpc-timeout/ },
  'a timeout of 31 days': { headers: { 'grpc-timeout': '2678400S' }, answer: ANSWERED },
  'the longest timeout': { headers: { 'grpc-timeout': '99999999H' }, answer: ANSWERED },
  'a large message with it': {
    headers: { 'grpc-timeout': 'soon' },
    body: framed(Buffer.alloc(4_000_000)),
    answer: /^3 INVALID_FIELD grpc-timeout/,
  },
  'an encoding of 6000 bytes': {
    headers: { 'grpc-encoding': 'x'.repeat(6000) },
    body: compressed,
    answer: /^3 INVALID_FIELD grpc-encoding/,
  },
  'an unknown encoding': {
    headers: { 'grpc-encoding': 'snappy' },
    body: compressed,
    answer: /^12 Received message compressed with unsupported encoding/,
  },
  'what is not compressed as it says': {
    headers: { 'grpc-encoding': 'gzip' },
    body: compressed,
    answer: /^13 Failed to decompress message/,
  },
  'two messages instead of one': { body: Buffer.concat([body, body]), answer: /^12 Received a second request message/ },
  'no message': { body: Buffer.alloc(0), answer: /^12 Received no request message/ },
  'the health of a service with a long name': {
    path: '/grpc.health.v1.Health/Check',
    body: longName,
    answer: /^5 Health status unknown for this service/,
  },
  'another method of HTTP': { headers: { ':method': 'PUT' }, answer: /^3 INVALID_FIELD :method/ },
  'another content': { headers: { 'content-type': 'text/html' }, answer: /^3 INVALID_FIELD content-type/ },
}

/** Calls that the balancer does not pass on. */
const NOT_PASSED_ON: Record<string, Hostile> = {
  'the path *': { path: '*', answer: /^13 REFUSED_BY_BALANCER/ },
  'a path with NUL': { path: '/a%00', answer: /^13 REFUSED_BY_BALANCER/ },
  'a path above the root': { path: '/../..', answer: /^13 REFUSED_BY_BALANCER/ },
  '1100 entries': { headers: entries(1100), answer: /^13 REFUSED_BY_BALANCER/ },
}

async function answerOf(it: Session, { path = RESULTS, headers = {}, body: sent = body }: Hostile): Promise<string> {
  const ended = await it.post(path, sent, headers)
  if ('reset' in ended) return ended.reset
  return [ended.grpcStatus, ended.failure, ended.grpcMessage].filter((it) => it !== '').join(' ')
}

/** The name or the message by which the page of errors knows an answer. */
const known = (answer: string) => {
  const [, name] = /^\d+ ([A-Z_]{6,})/.exec(answer) ?? []
  const messages = [...page.matchAll(/^\| [A-Z_]+ \| `([^`]+)` \|/gm)].map(([, begins]) => begins ?? '')
  return name
    ? page.includes(`| \`${name}\` |`)
    : messages.some((begins) => answer.replace(/^\d+ /, '').startsWith(begins))
}

for (const door of ['loader', 'primary'] as const) {
  test(`${door}: each refused call gets the answer that the page of errors says, and its neighbours go on`, async (t) => {
    await othersAreServed(t, async () => {
      const it = session(addressOf(door))
      // Health's Watch: a stream that is open all the time, on the same connection.
      const neighbour = it.http2.request({
        ':method': 'POST',
        ':path': '/grpc.health.v1.Health/Watch',
        'content-type': 'application/grpc',
        te: 'trailers',
      })
      neighbour.on('error', () => {})
      neighbour.end(Buffer.alloc(5))
      for (const [what, call] of Object.entries({ ...CALLS, ...(door === 'loader' ? NOT_PASSED_ON : {}) })) {
        const answer = await answerOf(it, call)
        t.match(answer, call.answer, what)
        t.ok(known(answer), `${what}: the page of errors knows ${answer.slice(0, 100)}`)
      }
      t.notOk(neighbour.closed, 'the stream beside them is open')
      it.close()
    })
  })
}

test('all that a server logs is JSON, also what clients made up', async (t) => {
  const lines = (await logsOf(containerOf('primary'))).split('\n').filter((line) => line.trim() !== '')
  t.strictSame(
    lines.filter((line) => !line.startsWith('{')),
    [],
    `${lines.length} lines`,
  )
})

// Headers that a library would not send. Half of them end the connection that they come on.
const name = fc.oneof(
  fc.constantFrom(
    'connection',
    'proxy-connection',
    'transfer-encoding',
    'keep-alive',
    'upgrade',
    'expect',
    'te',
    'host',
  ),
  fc.constantFrom(
    'content-length',
    'content-type',
    'grpc-timeout',
    'grpc-encoding',
    'idempotency-key',
    'cookie',
    'x_y',
  ),
  fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 20 }),
  fc.stringMatching(/^[a-z-]{1,20}$/),
)
const value = fc.oneof(
  fc.string({ unit: fc.integer({ max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 50 }),
  fc.tuple(fc.constantFrom('x', '\x01', '\xff', ' ', ','), fc.nat(20_000)).map(([text, times]) => text.repeat(times)),
)
const path = fc.oneof(
  fc.constant(RESULTS),
  fc.string({ unit: 'binary-ascii', maxLength: 50 }).map((rest) => `/${rest}`),
  fc.nat(20_000).map((length) => `/polling.PollService/${'x'.repeat(length)}`),
)
const method = fc.constantFrom('POST', 'POST', 'POST', 'GET', 'HEAD', 'CONNECT', 'OPTIONS', 'M-SEARCH', 'a', '')
const request = fc.record({
  path,
  method,
  headers: fc.array(fc.tuple(name, value), { maxLength: 20 }),
  small: fc.constantFrom(0, 0, 100, 128, 500, 5000, 30_000),
  body: fc.oneof(
    fc.constant(body),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  ),
})

test('loader: whatever headers a call has, it ends, and costs nobody else a call', async (t) => {
  await othersAreServed(t, async () => {
    await fc.assert(
      fc.asyncProperty(request, async ({ path, method, headers, small, body }) => {
        const first = beginning(path).map(([name, value]): [string, string] => [
          name,
          name === ':method' ? method : value,
        ])
        const many = Array.from({ length: small }, (): [string, string] => ['a', ''])
        return await ends(addressOf('loader'), rawCall([...first, ...headers, ...many], body))
      }),
      { numRuns: 300 },
    )
  })
  t.notMatch(await disabled(), /temporarily disabled/, 'the balancer took no server for dead')
})

/** What the balancer says of the servers that it leaves out, since this test began. */
async function disabled(): Promise<string> {
  const log = await docker('logs', '--since', began, containerOf('loader'))
  return log
    .split('\n')
    .filter((line) => line.includes('upstream') && !line.startsWith('{'))
    .join('\n')
}
const began = new Date().toISOString()

test('loader: a reader is served while a client sends what is refused, for seconds on end', async (t) => {
  const seconds = Number(process.env['ATTACK_SECONDS'] ?? 8)
  const attacks = [
    CALLS['130 entries'],
    CALLS['980 entries'],
    CALLS['a path of 7000 bytes'],
    CALLS['a value of 16,000 bytes'],
  ]
  await othersAreServed(t, async () => {
    const until = performance.now() + seconds * 1000
    let calls = 0
    while (performance.now() < until) {
      const it = session(addressOf('loader'))
      for (const attack of attacks) if (attack) await answerOf(it, attack)
      calls += attacks.length
      it.close()
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    t.ok(calls > 8, `${calls} calls that were refused`)
  })
})
