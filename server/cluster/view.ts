import { setTimeout as sleep } from 'node:timers/promises'
import { causeText } from '../errors.ts'
import type { Log } from '../log.ts'
import { chooseReadable, chooseWritable, type Sighting } from './choose.ts'
import { isProof } from './failures.ts'
import { Busy, type Probe, type ProbeAnswer } from './probe.ts'

/** What this server knows about the cluster. Probes keep it up to date. */
export type ClusterView = {
  writable(): string | undefined
  readable(): string | undefined
  /** Why this database is the writable one, or why there is none. */
  reason(): string
  sightings(): readonly Sighting[]
  /**
   * Probes at once. Resolves when a probe that began after the call has found a writable database, or when every database
   * has been asked. Takes at most a few times the probes' time limit.
   */
  refresh(): Promise<void>
  /** The listener runs after every change of the writable or the readable database. */
  onChange(listener: (change: ViewChange) => void): void
  start(): void
  stop(): Promise<void>
}

export type ViewChange = {
  writable: string | undefined
  previousWritable: string | undefined
  readable: string | undefined
  previousReadable: string | undefined
}

/** Pause between two probes of one database, milliseconds. */
const PROBE_INTERVAL_MS = 250
/** Milliseconds: the least time between two probes of a database, however many failed calls ask for one. */
const PROBE_FLOOR_MS = 50
// One timeout may be a lost packet or a busy machine. After two in a row the node counts as gone.
const FAILURES_TO_DISBELIEVE = 2

type Watched = {
  probe: Probe
  sighting: Sighting
  failures: number
  /** When the last finished probe began, milliseconds of the monotonic clock. */
  askedAt: number
  wake: (() => void) | undefined
  wanted: boolean
}

type Waiter = { since: number; resolve: () => void }

/** A view over databases named in `probes`; reads prefer `local`; `patience` multiplies the pause between probes. */
export function makeView(probes: Map<string, Probe>, local: string, log: Log, patience = 1): ClusterView {
  const watched = [...probes].map(
    ([name, probe]): Watched => ({
      probe,
      sighting: { name, reachable: false, inRecovery: true, timeline: 0, lsn: '0/0', problem: undefined },
      failures: 0,
      askedAt: Number.NEGATIVE_INFINITY,
      wake: undefined,
      wanted: false,
    }),
  )
  const listeners: ((change: ViewChange) => void)[] = []
  let waiters: Waiter[] = []
  let highestTimeline = 0
  /** When the newest data that was seen began. */
  let born = 0
  let writable: string | undefined
  let readable: string | undefined
  let reason = 'no database has been probed yet'
  let stopped = false

  async function watch(node: Watched): Promise<void> {
    while (!stopped) {
      node.wanted = false
      const askedAt = performance.now()
      const outcome = await node.probe.ask().then(
        (answer) => () => sawAnswer(node, answer),
        (error: unknown) => () => sawFailure(node, error),
      )
      if (stopped) return
      node.askedAt = askedAt
      outcome()
      decide()
      settleWaiters()
      // Whoever waits hears of a promotion as soon as it is done.
      if (!node.wanted && waiters.length === 0) await pause(node, PROBE_INTERVAL_MS * patience)
      const tooSoon = askedAt + PROBE_FLOOR_MS - performance.now()
      if (tooSoon > 0 && !stopped) await sleep(tooSoon)
    }
  }

  function sawAnswer(node: Watched, answer: ProbeAnswer): void {
    const before = node.sighting
    node.failures = 0
    if (answer.born > born) {
      // What was seen of data from before the reset counts no more, whatever its timeline is.
      born = answer.born
      highestTimeline = 0
      for (const other of watched) other.sighting = { ...other.sighting, timeline: 0 }
    }
    const timeline = answer.born < born ? 0 : answer.timeline
    const { inRecovery, lsn } = answer
    node.sighting = { name: before.name, reachable: true, inRecovery, timeline, lsn, problem: undefined }
    highestTimeline = Math.max(highestTimeline, timeline)
    if (!before.reachable || before.inRecovery !== answer.inRecovery || before.timeline !== timeline) {
      const role = answer.inRecovery ? 'standby' : 'primary'
      log.info({ database: before.name, role, timeline, lsn: answer.lsn }, 'database seen')
    }
  }

  function sawFailure(node: Watched, error: unknown): void {
    // What answers others is not dead, however long it takes.
    if (!(error instanceof Busy)) node.failures += 1
    const problem = causeText(error)
    const reachable = node.sighting.reachable && !isProof(error) && node.failures < FAILURES_TO_DISBELIEVE
    const first = node.sighting.problem === undefined || (node.sighting.reachable && !reachable)
    node.sighting = { ...node.sighting, reachable, problem }
    if (first) log.warn({ database: node.sighting.name, cause: problem, failures: node.failures }, 'probe failed')
  }

  function decide(): void {
    // No database is chosen before all have been asked once: the first to answer may be a primary that was
    // left behind, and the one that proves it may answer a moment later.
    if (watched.some(({ askedAt }) => askedAt === Number.NEGATIVE_INFINITY)) return
    const sightings = watched.map(({ sighting }) => sighting)
    const choice = chooseWritable(sightings, highestTimeline)
    const readFrom = chooseReadable(sightings, highestTimeline, local, choice.writable)
    const change = {
      writable: choice.writable,
      previousWritable: writable,
      readable: readFrom,
      previousReadable: readable,
    }
    reason = choice.reason
    writable = choice.writable
    readable = readFrom
    if (change.writable !== change.previousWritable) {
      const level = change.writable ? 'info' : 'warn'
      log[level]({ writable: change.writable ?? null, was: change.previousWritable ?? null, reason }, 'writes move')
    }
    if (change.readable !== change.previousReadable) {
      const level = change.readable === local ? 'info' : 'warn'
      log[level]({ readable: change.readable ?? null, was: change.previousReadable ?? null, local }, 'reads move')
    }
    if (change.writable !== change.previousWritable || change.readable !== change.previousReadable) {
      for (const listener of listeners) listener(change)
    }
  }

  function settleWaiters(): void {
    waiters = waiters.filter((waiter) => {
      const seen = watched.some(({ sighting, askedAt }) => sighting.name === writable && askedAt >= waiter.since)
      const done = seen || watched.every(({ askedAt }) => askedAt >= waiter.since)
      if (done) waiter.resolve()
      return !done
    })
  }

  return {
    writable: () => writable,
    readable: () => readable,
    reason: () => reason,
    sightings: () => watched.map(({ sighting }) => sighting),
    refresh() {
      if (stopped) return Promise.resolve()
      const answered = new Promise<void>((resolve) => waiters.push({ since: performance.now(), resolve }))
      for (const node of watched) {
        node.wanted = true
        node.wake?.()
      }
      return answered
    },
    onChange: (listener) => void listeners.push(listener),
    start() {
      for (const node of watched) void watch(node)
    },
    async stop() {
      stopped = true
      for (const node of watched) node.wake?.()
      for (const waiter of waiters) waiter.resolve()
      waiters = []
      await Promise.all(watched.map(({ probe }) => probe.close().catch(() => {})))
    },
  }
}

function pause(node: Watched, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer)
      node.wake = undefined
      resolve()
    }
    const timer = setTimeout(wake, milliseconds)
    node.wake = wake
  })
}
