import { type Failure, fail } from './errors.ts'

/** Why a call is over before its answer was ready. */
export type CallEnd = 'deadline' | 'cancelled'

/** What the parts below the gRPC layer know about a call: its deadline, and whether it has ended. */
export type Call = {
  /** Milliseconds since the epoch. */
  deadline: number
  ended: CallEnd | undefined
  /** Set by code that waits for something; called at most once, when the call ends early. */
  abort: (() => void) | undefined
}

/** A call that lasts until the given time (milliseconds since the epoch). */
export function makeCall(deadline: number): Call {
  return { deadline, ended: undefined, abort: undefined }
}

/** Ends the call early: code that waits for it stops waiting. */
export function endCall(call: Call, why: CallEnd): void {
  if (call.ended) return
  call.ended = why
  const abort = call.abort
  call.abort = undefined
  abort?.()
}

/** Ends the call at its deadline: now, if that has passed. Clear the timer when the call is answered. */
export function endAtDeadline(call: Call): NodeJS.Timeout {
  const left = call.deadline - Date.now()
  // A timer would take a moment, in which the call could still be answered. Node warns of a negative one.
  if (left <= 0) endCall(call, 'deadline')
  return setTimeout(() => endCall(call, 'deadline'), Math.max(0, left))
}

/** Does work for a call that ends after that many milliseconds. */
export async function withinTime<T>(milliseconds: number, work: (call: Call) => Promise<T>): Promise<T> {
  const call = makeCall(Date.now() + milliseconds)
  const timer = endAtDeadline(call)
  try {
    return await work(call)
  } finally {
    clearTimeout(timer)
  }
}

/** Waits for the promise or for the end of the call, whichever comes first. */
export function orEndOfCall(call: Call, promise: Promise<void>): Promise<void> {
  if (call.ended) return Promise.resolve()
  return new Promise((resolve, reject) => {
    call.abort = resolve
    promise.then(resolve, reject).finally(() => {
      if (call.abort === resolve) call.abort = undefined
    })
  })
}

/** The failure of a call that ended before it reached a database. */
export function endedBeforeSending(call: Call): Failure {
  return call.ended === 'cancelled'
    ? fail('CANCELLED', 'cancelled by the client')
    : fail('DEADLINE_BEFORE_SENDING', 'time ran out while waiting for the database')
}

/** The failure of a call that ended while the database was reading for it. */
export function endedWhileReading(call: Call): Failure {
  return call.ended === 'cancelled'
    ? fail('CANCELLED', 'cancelled by the client')
    : fail('DEADLINE_WHILE_READING', 'time ran out while the database was reading')
}

/** The failure of a call that ended while the database was writing for it. */
export function endedWhileWriting(call: Call): Failure {
  return call.ended === 'cancelled'
    ? fail('CANCELLED', 'cancelled by the client')
    : fail('DEADLINE_WHILE_WRITING', 'time ran out while the database was writing')
}
