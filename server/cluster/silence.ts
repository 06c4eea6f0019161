import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { DatabaseAddress } from '../settings.ts'
import { bytesFrom, makeSocket } from './address.ts'

/** Milliseconds that an answer may take before anything is suspected. */
const QUIET_MS = 250
/** Milliseconds from one knock to the next: one lost packet must not decide. */
const BETWEEN_KNOCKS_MS = 125
const KNOCKS = 3
/** Milliseconds that one of the knocks has to be answered. */
const KNOCKING_MS = 500

/** After so many milliseconds more, this process itself was too slow to know. */
const LATE_MS = 100

/** No packet comes back from a host: it is cut off, or its machine is gone. */
export class Silence extends Error {
  constructor(address: DatabaseAddress) {
    super(`no packet comes back from ${address.host}`)
  }
}

/**
 * Whether nothing comes back from the address in the next 0.75 s, times `patience`. A slow or frozen database is not silent: its
 * kernel still accepts connections, or refuses them. If the link is full, answers to others arrive. `signal` ends it.
 */
export async function isSilent(address: DatabaseAddress, patience: number, signal: AbortSignal): Promise<boolean> {
  const before = bytesFrom(address.host)
  const began = performance.now()
  await sleep(QUIET_MS * patience, undefined, { signal })
  if ((await isAnswered(address, patience, signal)) || bytesFrom(address.host) > before) return false
  return performance.now() - began < (QUIET_MS + KNOCKING_MS) * patience + LATE_MS
}

/** Knocks: opens connections to the address, and closes them at once. Gives whether any was accepted or refused in time. */
function isAnswered(address: DatabaseAddress, patience: number, signal: AbortSignal): Promise<boolean> {
  const over = new AbortController()
  const ended = AbortSignal.any([signal, over.signal])
  const knocks = Array.from({ length: KNOCKS }, async (_, nth) => {
    await sleep(nth * BETWEEN_KNOCKS_MS * patience, undefined, { signal: ended })
    await knock(address, ended)
    return true
  })
  const giveUp = sleep(KNOCKING_MS * patience, undefined, { signal: ended }).then(async () => {
    // Answers that have come may still have to be read.
    await nextTurn()
    await nextTurn()
    return false
  })
  return Promise.any([...knocks, giveUp]).finally(() => over.abort())
}

/** Resolves when the host answers, whatever it says. */
function knock(address: DatabaseAddress, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = makeSocket()
    signal.addEventListener('abort', () => socket.destroy(), { once: true })
    socket.on('connect', () => {
      resolve()
      socket.destroy()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNREFUSED' ? resolve() : reject(error)))
    socket.connect(address.port, address.host)
  })
}
