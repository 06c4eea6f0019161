import type { Socket } from 'node:net'
import pg from 'pg'
import { type Call, endedBeforeSending, endedWhileReading, endedWhileWriting } from '../call.ts'
import { fail, type Result } from '../errors.ts'
import type { Log } from '../log.ts'
import type { DatabaseAddress } from '../settings.ts'
import { cancelQuery, connectionConfig, type Identity, wireOf } from './connection.ts'
import { connectFailure, endsConnection, queryFailure } from './failures.ts'

/** An SQL statement, prepared once on each connection under its name. */
export type Statement = { name: string; text: string }

/** The result of a committed write, and a consistency token: the WAL position at its commit or a little later. */
export type Written<Row> = { rows: Row[]; token: string | undefined }

/** Runs statements on one database, through a bounded pool with a bounded queue. */
export type Database = {
  name: string
  read<Row extends object>(statement: Statement, values: unknown[], call: Call): Promise<Result<Row[]>>
  /** Each write is a transaction of its own. It is durable when it is answered. */
  write<Row extends object>(statement: Statement, values: unknown[], call: Call): Promise<Result<Written<Row>>>
  /** Closes all connections, also those in use: the node is gone, or must get no more writes. */
  reset(why: string): void
  usage(): { total: number; idle: number; waiting: number }
  /** Resolves when the connections are closed. */
  close(): Promise<void>
}

/** Milliseconds for a new connection, with its authentication. */
const CONNECT_TIMEOUT_MS = 2000
/** Only a last limit: deadlines cancel queries long before. */
const STATEMENT_TIMEOUT_MS = 30_000
/** Milliseconds in which a cancelled query has to end; after that its connection is closed. */
const CANCEL_GRACE_MS = 1000
/** Unused connections are closed after this, milliseconds. */
const IDLE_TIMEOUT_MS = 60_000

// The WAL of a commit is flushed when it is acknowledged, except with synchronous_commit = off.
const POSITION: Statement = {
  name: 'position',
  text: `
    select ('x' || left(pg_walfile_name(lsn), 8))::bit(32)::int || '-' || lsn as token
    from (select case current_setting('synchronous_commit') when 'off' then pg_current_wal_insert_lsn()
                 else pg_current_wal_flush_lsn() end as lsn) as reached`,
}

// If a commit stops waiting for its synchronous standby, PostgreSQL gives only a warning.
const WARNING = '01000'

export type DatabaseOptions = {
  address: DatabaseAddress
  identity: Identity
  size: number
  queue: number
  /** Multiplies the time that a connection and a statement may take. */
  patience: number
  log: Log
}

/** A database of the cluster; connects when first used. */
export function makeDatabase(options: DatabaseOptions): Database {
  const { address, queue, size } = options
  let current = makePool(options)

  function withClient<T>(call: Call, work: (lease: Lease, resolve: (result: Result<T>) => void) => void) {
    const { pool } = current
    if (call.ended) return Promise.resolve(endedBeforeSending(call))
    if (pool.waitingCount >= queue && pool.idleCount === 0 && pool.totalCount >= size) {
      return Promise.resolve(fail('QUEUE_FULL', `database ${address.name}: ${queue} calls are waiting already`))
    }
    return new Promise<Result<T>>((resolve) => {
      call.abort = () => resolve(endedBeforeSending(call))
      pool.connect((error, client, release) => {
        if (call.ended) return release()
        call.abort = undefined
        if (error || !client) return resolve(connectFailure(address.name, error))
        work({ address, client, release }, resolve)
      })
    })
  }

  return {
    name: address.name,
    read: (statement, values, call) =>
      withClient(call, (lease, resolve) => readOn(lease, statement, values, call, resolve)),
    write: (statement, values, call) =>
      withClient(call, (lease, resolve) => writeOn(lease, statement, values, call, resolve)),
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
  /** Breaks every connection. Calls that wait for one fail: they must not reach the node. */
  retire(why: string): void
}

function makePool({ address, identity, size, patience, log }: DatabaseOptions): RetirablePool {
  const limit = CONNECT_TIMEOUT_MS * patience
  const config = connectionConfig(address, identity, STATEMENT_TIMEOUT_MS * patience)
  const sockets = new Set<Socket>()
  const connectTimers = new Map<Socket, NodeJS.Timeout>()
  let retired: string | undefined

  // The time to connect is limited here. The pool's connectionTimeoutMillis would also limit the wait for a free connection,
  // but the call's deadline decides that.
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

  const pool = new pg.Pool({
    ...config,
    stream: makeTimedSocket,
    max: size,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    // Sends a write and the question for its position together.
    pipeline: true,
  })
  pool.on('connect', (client) => {
    stopTimer(wireOf(client).connection.stream)
    // If a connection breaks while it is in use, its query fails. Without this listener the process would end too.
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

/** A connection that one call uses. */
type Lease = { address: DatabaseAddress; client: pg.PoolClient; release: (error?: Error) => void }

type Cancellation = { requested: Promise<void> | undefined; dropTimer: NodeJS.Timeout | undefined }

/** From now on the end of the call cancels its query. */
function cancelAtEnd({ address, client }: Lease, call: Call, answer: () => void): Cancellation {
  const cancellation: Cancellation = { requested: undefined, dropTimer: undefined }
  call.abort = () => {
    answer()
    cancellation.requested = cancelQuery(address, client)
    const drop = () => wireOf(client).connection.stream.destroy(new Error('the cancelled query did not end'))
    cancellation.dropTimer = setTimeout(drop, CANCEL_GRACE_MS)
  }
  return cancellation
}

/** Gives the connection back; true if the call still waits for its result. */
function giveBack({ release }: Lease, call: Call, cancellation: Cancellation, error: Error | null): boolean {
  const broken = error && endsConnection(error) ? error : undefined
  if (cancellation.requested) {
    clearTimeout(cancellation.dropTimer)
    // It is released only when the cancel request is done: otherwise this could cancel the next call's query.
    cancellation.requested.then(() => release(broken))
    return false
  }
  call.abort = undefined
  release(broken)
  return true
}

function readOn<Row extends object>(
  lease: Lease,
  statement: Statement,
  values: unknown[],
  call: Call,
  resolve: (result: Result<Row[]>) => void,
): void {
  const cancellation = cancelAtEnd(lease, call, () => resolve(endedWhileReading(call)))
  lease.client.query({ ...statement, values }, (error: Error | null, result) => {
    if (!giveBack(lease, call, cancellation, error)) return
    resolve(error ? queryFailure(lease.address.name, error, 'read') : { value: result.rows as Row[] })
  })
}

function writeOn<Row extends object>(
  lease: Lease,
  statement: Statement,
  values: unknown[],
  call: Call,
  resolve: (result: Result<Written<Row>>) => void,
): void {
  const { client, address } = lease
  const cancellation = cancelAtEnd(lease, call, () => resolve(endedWhileWriting(call)))
  let failed: Error | null = null
  let rows: Row[] = []
  let replicated = true
  const onNotice = ({ code }: { code?: string | undefined }) => {
    if (code === WARNING) replicated = false
  }
  client.on('notice', onNotice)
  const { stream } = wireOf(client).connection
  stream.cork()
  client.query({ ...statement, values }, (error: Error | null, result) => {
    failed = error
    if (!error) rows = result.rows as Row[]
  })
  // This is a transaction of its own after the commit. If it fails, the write is committed anyway.
  client.query({ ...POSITION }, (error: Error | null, result) => {
    client.off('notice', onNotice)
    if (!giveBack(lease, call, cancellation, failed ?? error)) return
    const token = error ? undefined : (result.rows[0] as { token: string }).token
    if (failed) resolve(queryFailure(address.name, failed, 'write'))
    else if (!replicated)
      resolve(fail('NOT_REPLICATED', `database ${address.name}: the wait for its standby was ended`))
    else resolve({ value: { rows, token } })
  })
  stream.uncork()
}
