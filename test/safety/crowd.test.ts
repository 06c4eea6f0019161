import { once } from 'node:events'
import { connect } from 'node:http2'
import type { Socket } from 'node:net'
import { test } from 'tap'
import { CastVotesRequest, Empty } from '../../proto/gen/polling.ts'
import { findNetwork, addressOf as inNetwork } from '../../scripts/lab/docker/network.ts'
import { metricsOf } from '../../scripts/lab/service/metrics.ts'
import type { NodeName } from '../../scripts/lab/topology/topology.ts'
import { until } from '../../scripts/lab/wait.ts'
import { MOST_CONNECTIONS } from '../../server/door.ts'
import { client, ok } from '../grpc.ts'
import { addressOf, lab, patience } from '../the-lab.ts'
import { othersAreServed } from './bystander.ts'
import { framed, HELLO, open, session } from './wire.ts'

const CROWD = 10_000
/** Connections that are made or ended at the same time: more, and the machine's own network drops packets. */
const AT_ONCE = 50

/** A node's address in the lab's own network: past the engine's proxy, which would hold two sockets for each. */
async function behindTheProxy(name: NodeName): Promise<string> {
  const network = await findNetwork(lab)
  const node = lab.nodes.find((it) => it.name === name)
  if (network === undefined || node === undefined) throw new Error(`no address of ${name}`)
  return `${inNetwork(network, node)}:${node.port}`
}

async function crowd(address: string, count: number, hello: Buffer): Promise<Socket[]> {
  const sockets: Socket[] = []
  for (let from = 0; from < count; from += AT_ONCE) {
    for (const socket of await Promise.all(Array.from({ length: AT_ONCE }, () => open(address)))) {
      if (socket === undefined) continue
      socket.resume()
      socket.write(hello)
      sockets.push(socket)
    }
  }
  return sockets
}

async function disperse(sockets: readonly Socket[]): Promise<void> {
  for (let from = 0; from < sockets.length; from += AT_ONCE)
    await Promise.all(sockets.slice(from, from + AT_ONCE).map((socket) => once(socket.resetAndDestroy(), 'close')))
}

const stillOpen = (sockets: readonly Socket[]) => sockets.filter(({ destroyed }) => !destroyed)

test(`loader: ${CROWD} idle connections keep nobody else from being served`, async (t) => {
  await othersAreServed(t, async () => {
    const sockets = await crowd(await behindTheProxy('loader'), CROWD, HELLO)
    const it = client(addressOf('loader'))
    for (let call = 0; call < 50; call++) await ok(it.listPolls())
    it.close()
    t.equal(stillOpen(sockets).length, CROWD, 'all of them are connected, and newcomers are served')
    await disperse(stillOpen(sockets))
  })
})

test(`primary: keeps only as many of ${CROWD} idle connections as it has memory for`, async (t) => {
  const primary = lab.servers[0]
  const turnedAway = async () =>
    (primary && (await metricsOf(primary))?.get('polling_connections_turned_away_total')) ?? Number.NaN
  const before = await turnedAway()
  await othersAreServed(t, async () => {
    const sockets = await crowd(await behindTheProxy('primary'), CROWD, HELLO)
    const told = await until('the rest to be turned away', { seconds: 10, patience }, async () => {
      const open = stillOpen(sockets).length
      return open <= MOST_CONNECTIONS ? { done: (await turnedAway()) - before } : { seen: `${open} open` }
    })
    t.ok(told >= CROWD - MOST_CONNECTIONS, `${told} were turned away`)
    t.ok(stillOpen(sockets).length > MOST_CONNECTIONS - 100, 'those that were there first stay')
    await disperse(stillOpen(sockets))
  })
  const it = client(addressOf('primary'))
  await ok(it.listPolls())
  it.close()
})

for (const door of ['loader', 'primary'] as const) {
  test(`${door}: connections that never say anything, or stop in the middle of a word, harm nobody`, async (t) => {
    await othersAreServed(t, async () => {
      const address = addressOf(door)
      const mute = await crowd(address, 200, Buffer.alloc(0))
      const halfway = await crowd(address, 200, HELLO.subarray(0, 15))
      t.equal(mute.length + halfway.length, 400)
      const it = client(address)
      for (let call = 0; call < 50; call++) await ok(it.listPolls())
      it.close()
      await disperse(stillOpen([...mute, ...halfway]))
    })
  })

  test(`${door}: readers that read nothing keep nobody else from being served`, async (t) => {
    await othersAreServed(t, async () => {
      const sockets = Array.from({ length: 20 }, () =>
        // No room for a single byte of an answer.
        connect(`http://${addressOf(door)}`, { settings: { initialWindowSize: 0 } }),
      )
      let begun = 0
      for (const http2 of sockets) {
        http2.on('error', () => {})
        for (let call = 0; call < 50; call++) {
          const stream = http2.request({
            ':method': 'POST',
            ':path': '/polling.PollService/ListPolls',
            'content-type': 'application/grpc',
            te: 'trailers',
          })
          stream.on('error', () => {})
          stream.on('response', () => {
            begun += 1
          })
          stream.end(framed(Buffer.from(Empty.encode({}).finish())))
        }
      }
      await until('1000 answers to begin', { seconds: 20, patience }, async () =>
        begun === 1000 ? { done: undefined } : { seen: `${begun}` },
      )
      for (const http2 of sockets) http2.destroy()
    })
  })

  test(`${door}: streams of votes that are abandoned half-way leave nothing behind`, async (t) => {
    const it = client(addressOf('loader'))
    const { uuid } = await ok(it.createPoll({ poll_questions: 'Abandoned?', options: ['a', 'b'] }))
    it.close()
    await othersAreServed(t, async () => {
      const batchOf = (stream: number) =>
        Buffer.from(
          CastVotesRequest.encode({
            batch: 1,
            votes: Array.from({ length: 100 }, (_, nth) => ({
              uuid,
              userID: `${door} ${stream} ${nth}`,
              select_options: 'a',
              idempotency_key: '',
            })),
          }).finish(),
        )
      await Promise.all(
        Array.from({ length: 100 }, async (_, nth) => {
          const { http2, close } = session(addressOf(door))
          const stream = http2.request({
            ':method': 'POST',
            ':path': '/polling.VoteService/CastVotes',
            'content-type': 'application/grpc',
            te: 'trailers',
          })
          stream.on('error', () => {})
          const batch = framed(batchOf(nth))
          stream.write(batch)
          // Gone in the middle of the second batch.
          await new Promise((resolve) => stream.write(batch.subarray(0, batch.length / 2), resolve))
          close()
        }),
      )
    })
    for (const server of lab.servers)
      await until(`${server.name} to have no vote waiting`, { seconds: 10, patience }, async () => {
        const waiting = (await metricsOf(server))?.get('polling_votes_waiting')
        return waiting === 0 ? { done: undefined } : { seen: `${waiting} votes` }
      })
    // Of a batch either all votes are stored or none: it is one transaction.
    const after = client(addressOf('primary'))
    const votes = (await ok(after.results(uuid))).results['a'] ?? 0
    after.close()
    t.equal(votes % 100, 0, `${votes} votes of abandoned streams are stored`)
  })

  test(`${door}: calls that are cancelled as fast as they are made keep nobody else from being served`, async (t) => {
    await othersAreServed(t, async () => {
      const { http2, close } = session(addressOf(door))
      const closed = new Promise<void>((resolve) => http2.once('close', resolve))
      let made = 0
      for (; made < 5000 && !http2.destroyed && !http2.closed; made++) {
        const stream = http2.request({ ':method': 'POST', ':path': '/polling.PollService/ListPolls', te: 'trailers' })
        stream.on('error', () => {})
        stream.close(8)
        if (made % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
      close()
      await closed
      t.ok(made > 0, `${made} calls, then the connection was ${made < 5000 ? 'closed' : 'still good'}`)
    })
  })
}
