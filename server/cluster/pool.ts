import type { Socket } from 'node:net'
import pg from 'pg'
import type { Call } from '../call.ts'
import { type Failure, fail, type Result } from '../errors.ts'
import type { Log } from '../log.ts'
import type { DatabaseAddress } from '../settings.ts'
import { cancelQuery, connectionConfig, type Identity, wireOf } from './connection.ts'
import { connectFailure, endsConnection, queryFailure } from './failures.ts'

/** One SQL statement, prepared once a connection under its name. `kind` decides what a lost connection means. */
export type Statement = { name: string; text: string; kind: 'read' | 'write' }

/** Runs statements on one database, through a bounded pool with a bounded queue. */
export type Database = {
  name: string
  run<Row extends object>(statement: Statement, values: unknown[], call: Call): Promise<Result<Row[]>>
  /** Drops every connection, those in use too: the node is gone, or must not be written to any more. */
  reset(why: string): void
  usage(): { total: number; idle: number; waiting: number }
  /** Resolves when the connections are closed. */
  close(): Promise<void>
}

/** How long a new connection may take, its authentication included, milliseconds. */
const CONNECT_TIMEOUT_MS = 2000
/** Only a backstop: deadlines cancel queries long before. */
const STATEMENT_TIMEOUT_MS = 30_000
/** How long a cancelled query may take to end before its connection is dropped, milliseconds. */
const CANCEL_GRACE_MS = 1000
/** Unused connections are closed after this, milliseconds. */
const IDLE_TIMEOUT_MS = 60_000

export type DatabaseOptions = {
  address: DatabaseAddress
  identity: Identity
  size: number
  queue: number
  /** Multiplies the time that a connection may take. */
  patience: number
  log: Log
}

/** A database of the cluster; connects when first used. */
export function makeDatabase(options: DatabaseOptions): Database {
  const { address, queue, size } = options
  let current = makePool(options)

  function run<Row extends object>(statement: Statement, values: unknown[], call: Call): Promise<Result<Row[]>> {
    const { pool } = current
    if (call.ended) return Promise.resolve(endedBeforeSending(call))
    if (pool.waitingCount >= queue && pool.idleCount === 0 && pool.totalCount >= size) {
      return Promise.resolve(fail('QUEUE_FULL', `database ${address.name}: ${queue} calls are waiting already`))
    }
    return new Promise((resolve) => {
      call.abort = () => resolve(endedBeforeSending(call))
      pool.connect((error, client, release) => {
        if (call.ended) return release()
        call.abort = undefined
        if (error || !client) return resolve(connectFailure(address.name, error))
        runOn<Row>(address, client, release, statement, values, call, resolve)
      })
    })
  }

  return {
    name: address.name,
    run,
    reset(why) {
      current.retire(why)
      current = makePool(options)
    },
    usage: () => ({
      total: current.pool.totalCount,
      idle: current.pool.idleCount,
      waiting: current.pool.waitingCount,
    }),
    close: () => current.pool.end(),
  }
}

type RetirablePool = {
  pool: pg.Pool
  /** Breaks every connection; calls that still wait for one fail, instead of reaching the node after all. */
  retire(why: string): void
}

function makePool({ address, identity, size, patience, log }: DatabaseOptions): RetirablePool {
  const limit = CONNECT_TIMEOUT_MS * patience
  const config = connectionConfig(address, identity, STATEMENT_TIMEOUT_MS)
  const sockets = new Set<Socket>()
  const connectTimers = new Map<Socket, NodeJS.Timeout>()
  let retired: string | undefined

  // The time to connect is watched here and not by the pool's connectionTimeoutMillis: that one also ends the wait
  // for a connection in use, which is for the call's deadline to decide.
  function makeTimedSocket(): Socket {
    const socket = config.stream()
    const why = retired
    if (why !== undefined) {
      process.nextTick(() => socket.destroy(new Error(why)))
      return socket
    }
    sockets.add(socket)
    const timeout = () => socket.destroy(new Error(`no connection within ${limit} ms`))
    connectTimers.set(socket, setTimeout(timeout, limit))
    socket.once('close', () => {
      stopTimer(socket)
      sockets.delete(socket)
    })
    return socket
  }

  function stopTimer(socket: Socket): void {
    clearTimeout(connectTimers.get(socket))
    connectTimers.delete(socket)
  }

  const pool = new pg.Pool({ ...config, stream: makeTimedSocket, max: size, idleTimeoutMillis: IDLE_TIMEOUT_MS })
  pool.on('connect', (client) => {
    stopTimer(wireOf(client).connection.stream)
    // A connection that breaks while in use tells its query; without a listener it would end the process as well.
    client.on('error', () => {})
  })
  pool.on('error', (error) => log.debug({ database: address.name, cause: error.message }, 'idle connection lost'))
  return {
    pool,
    retire(why) {
      retired = why
      for (const socket of sockets) socket.destroy(new Error(why))
    },
  }
}

function runOn<Row extends object>(
  address: DatabaseAddress,
  client: pg.PoolClient,
  release: (error?: Error) => void,
  statement: Statement,
  values: unknown[],
  call: Call,
  resolve: (result: Result<Row[]>) => void,
): void {
  let cancelled: Promise<void> | undefined
  let dropTimer: NodeJS.Timeout | undefined
  call.abort = () => {
    resolve(endedWhileRunning(call, statement))
    cancelled = cancelQuery(address, client)
    const drop = () => wireOf(client).connection.stream.destroy(new Error('the cancelled query did not end'))
    dropTimer = setTimeout(drop, CANCEL_GRACE_MS)
  }
  client.query({ name: statement.name, text: statement.text, values }, (error: Error | null, result) => {
    const broken = error && endsConnection(error) ? error : undefined
    if (cancelled) {
      clearTimeout(dropTimer)
      // Released only when the cancel request is over, or it might hit the next call's query.
      cancelled.then(() => release(broken))
      return
    }
    call.abort = undefined
    release(broken)
    resolve(error ? queryFailure(address.name, error, statement.kind) : { value: result.rows as Row[] })
  })
}

function endedBeforeSending(call: Call): Failure {
  return call.ended === 'cancelled'
    ? fail('CANCELLED', 'cancelled by the client')
    : fail('DEADLINE_BEFORE_SENDING', 'time ran out while waiting for a database connection')
}

function endedWhileRunning(call: Call, { kind, name }: Statement): Failure {
  if (call.ended === 'cancelled') return fail('CANCELLED', 'cancelled by the client')
  return kind === 'read'
    ? fail('DEADLINE_WHILE_READING', `time ran out while the database was at work (${name})`)
    : fail('DEADLINE_WHILE_WRITING', `time ran out while the database was at work (${name})`)
}
