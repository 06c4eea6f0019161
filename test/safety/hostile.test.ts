import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { test } from 'tap'
import { CastVoteRequest } from '../../proto/gen/polling.ts'
import { client } from '../grpc.ts'
import { addressOf } from '../the-lab.ts'
import { othersAreServed } from './bystander.ts'
import { closedByPeer, framed, HELLO, open, session } from './wire.ts'

const DOORS = ['loader', 'primary'] as const
const VOTE = '/polling.VoteService/CastVote'
const vote = Buffer.from(
  CastVoteRequest.encode({ uuid: crypto.randomUUID(), userID: 'u', select_options: 'a' }).finish(),
)

for (const door of DOORS) {
  test(`${door}: a message that is too large is refused as such`, async (t) => {
    await othersAreServed(t, async () => {
      const it = client(addressOf(door))
      const request = { uuid: crypto.randomUUID(), userID: 'x'.repeat(4 * 2 ** 20), select_options: 'a' }
      t.match(await it.castVote(request), { status: 'RESOURCE_EXHAUSTED', details: /larger than max/ })
      it.close()
    })
  })

  test(`${door}: metadata that is too large is refused, and the connection or the call ends`, async (t) => {
    await othersAreServed(t, async () => {
      const it = session(addressOf(door))
      const ended = await it.post(VOTE, framed(vote), { 'x-padding': 'x'.repeat(200_000) })
      t.notMatch(ended, { grpcStatus: '0' }, JSON.stringify(ended))
      it.close()
    })
  })

  test(`${door}: broken requests are answered with an error that says what is wrong`, async (t) => {
    await othersAreServed(t, async () => {
      const it = session(addressOf(door))
      const broken = {
        'no message': Buffer.alloc(0),
        'less than announced': framed(vote, { length: 1000 }),
        'more than announced': framed(vote, { length: 3 }),
        'two messages': Buffer.concat([framed(vote), framed(vote)]),
        'no protobuf': framed(Buffer.from('ffffffffff', 'hex')),
        'an announcement of 4 GiB': framed(vote, { length: 0xffffffff }),
      }
      for (const [what, body] of Object.entries(broken)) {
        const ended = await it.post(VOTE, body)
        const code = 'grpcStatus' in ended ? Number(ended.grpcStatus) : 0
        t.ok(code > 0, `${what}: ${JSON.stringify(ended)}`)
      }
      const compressed = (body: Buffer, by: string) =>
        it.post(VOTE, framed(body, { compressed: true }), { 'grpc-encoding': by })
      t.match(await compressed(vote, 'nonsense'), { grpcStatus: '12' })
      t.match(await compressed(vote, 'gzip'), { grpcStatus: '13' }, 'said to be compressed, and is not')
      const bomb = gzipSync(Buffer.alloc(100 * 2 ** 20))
      t.match(await compressed(bomb, 'gzip'), { grpcStatus: '8' }, `${bomb.length} bytes that stand for 100 MiB`)
      t.match(await it.post('/polling.VoteService/NoSuchMethod', framed(vote)), { grpcStatus: '12' })
      t.match(await it.post('/', framed(vote)), { grpcStatus: '12' })
      t.match(await it.post(VOTE, framed(vote), { 'content-type': 'text/html' }), { status: 415 })
      it.close()
    })
  })

  test(`${door}: whatever bytes a call consists of, it ends`, async (t) => {
    await othersAreServed(t, async () => {
      const it = session(addressOf(door))
      const paths = fc.constantFrom(
        VOTE,
        '/polling.VoteService/CastVotes',
        '/polling.PollService/CreatePoll',
        '/polling.ResultService/GetPollResults',
        '/grpc.health.v1.Health/Check',
        '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
      )
      const bytes = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes))
      const body = fc.oneof(
        bytes,
        bytes.map((bytes) => framed(bytes)),
      )
      await fc.assert(
        fc.asyncProperty(paths, body, async (path, body) => {
          const ended = await it.post(path, body)
          if ('reset' in ended && ended.reset === 'no answer in time') throw new Error(`${path}: ${ended.reset}`)
        }),
        { numRuns: 100 },
      )
      it.close()
    })
  })

  test(`${door}: a connection that speaks no HTTP/2, or breaks its rules, is closed`, async (t) => {
    await othersAreServed(t, async () => {
      const nonsense = {
        'random bytes': Buffer.from(fc.sample(fc.uint8Array({ minLength: 500, maxLength: 500 }), 1)[0] ?? []),
        'HTTP/1.1': Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
        TLS: Buffer.from('16030100c8010000c40303', 'hex'),
        'a frame larger than allowed': Buffer.concat([HELLO, Buffer.from('ffffff000000000001', 'hex')]),
        'data on no stream': Buffer.concat([HELLO, Buffer.from('00000100000000000541', 'hex')]),
        'headers that are none': Buffer.concat([HELLO, Buffer.from('0000040105000000017f7f7f7f', 'hex')]),
      }
      for (const [what, bytes] of Object.entries(nonsense)) {
        const socket = await open(addressOf(door))
        if (socket === undefined) {
          t.fail(`${what}: no connection`)
          continue
        }
        socket.end(bytes)
        t.ok(await closedByPeer(socket), what)
      }
    })
  })
}
