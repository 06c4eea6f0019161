import { type ClientHttp2Session, connect } from 'node:http2'
import { Server } from '@grpc/grpc-js'
import { HealthImplementation } from 'grpc-health-check'
import { type Test, test } from 'tap'
import { makeDoor } from '../../../server/door.ts'
import { watchConnections } from '../../../server/drain.ts'
import { makeLog } from '../../../server/log.ts'

const EMPTY_MESSAGE = Buffer.alloc(5)
const GRACE_SECONDS = 5

/** A server with the health service only, and connections to it as a balancer keeps them: one call at a time. */
async function serve(t: Test) {
  const server = new Server({ 'grpc.enable_channelz': 0 })
  new HealthImplementation({ '': 'SERVING' }).addToServer(server)
  const connections = watchConnections(server, GRACE_SECONDS, makeLog('test', 'fatal'))
  const door = makeDoor(server, 0, () => {})
  const port = await door.open()
  t.teardown(() => {
    door.shut()
    server.forceShutdown()
  })
  const keptConnection = () => {
    const session = connect(`http://127.0.0.1:${port}`)
    t.teardown(() => session.destroy())
    return session
  }
  return { drain: () => connections.drain(door), keptConnection }
}

/** Calls Health.Check; the gRPC status, or the error of the connection. */
function check(session: ClientHttp2Session): Promise<string> {
  return new Promise((resolve) => {
    const call = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    call.on('trailers', (trailers) => resolve(`status ${trailers['grpc-status']}`))
    call.on('error', (error) => resolve(error.message))
    call.resume()
    call.end(EMPTY_MESSAGE)
  })
}

test('a call sent on a kept connection just after the stop began is answered, then the connection ends', async (t) => {
  const { drain, keptConnection } = await serve(t)
  const connections = [keptConnection(), keptConnection(), keptConnection()]
  t.same(await Promise.all(connections.map(check)), ['status 0', 'status 0', 'status 0'])
  const toldToGo = connections.map((session) => new Promise<void>((resolve) => session.once('goaway', () => resolve())))
  const drained = drain()
  t.same(await Promise.all(connections.map(check)), ['status 0', 'status 0', 'status 0'])
  await Promise.all(toldToGo)
  await drained
  t.ok(connections.every((session) => session.closed || session.destroyed))
})

test('a stopping server accepts no new connection, and a connection nobody uses does not hold it up', async (t) => {
  const { drain, keptConnection } = await serve(t)
  t.equal(await check(keptConnection()), 'status 0')
  const started = performance.now()
  const drained = drain()
  const late = keptConnection()
  const refused = await new Promise<boolean>((resolve) => {
    late.once('error', () => resolve(true))
    late.once('connect', () => resolve(false))
  })
  t.ok(refused)
  await drained
  t.ok(performance.now() - started < GRACE_SECONDS * 1000, 'sooner than the grace period')
})
