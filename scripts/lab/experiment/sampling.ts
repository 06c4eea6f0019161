import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { z } from 'zod'
import { ASK_POSITION, bytesOf, Position } from '../access/database.ts'
import type { DatabaseNode, Lab } from '../topology.ts'
import type { Clock } from './clock.ts'
import type { Sample } from './record.ts'

/** Looks at both databases, again and again. */
export type Sampling = {
  /** Bytes of WAL that the primary has written and the standby has not received, as last seen. */
  readonly lag: () => number | undefined
  /** Ends it, and gives what was seen. */
  readonly stop: () => Promise<readonly Sample[]>
}

const EVERY_MS = 250
/** A new session costs more than a question: one that ended is opened again only so long after its beginning. */
const REOPEN_AFTER_MS = 1000

type Answer = z.infer<typeof Position>

/** Starts looking, through one session for each database that stays open. */
export function startSampling(lab: Lab, clock: Clock): Sampling {
  const sessions = lab.databases.map((node) => ({ node, session: openSession(node) }))
  const samples: Sample[] = []
  let askedAt: number | undefined
  const timer = setInterval(() => {
    // By now there is an answer to what was asked last, or none.
    const databases = sessions.map(({ node, session }) => ({ name: node.name, ...seen(session.take()) }))
    if (askedAt !== undefined) samples.push({ at: askedAt, databases })
    askedAt = clock.now()
    for (const { session } of sessions) session.ask()
  }, EVERY_MS)
  return {
    lag: () => lagOf(samples.at(-1)),
    async stop() {
      clearInterval(timer)
      await Promise.all(sessions.map(({ session }) => session.close()))
      return samples
    },
  }
}

const seen = (answer: Answer | undefined) => ({
  role: answer === undefined ? null : answer.inRecovery ? ('standby' as const) : ('primary' as const),
  timeline: answer?.timeline ?? null,
  lsn: answer?.lsn ?? null,
  receivedLsn: answer?.receivedLsn ?? null,
})

function lagOf(sample: Sample | undefined): number | undefined {
  const written = sample?.databases.find(({ role }) => role === 'primary')?.lsn
  const received = sample?.databases.find(({ role }) => role === 'standby')?.receivedLsn
  return written == null || received == null ? undefined : Number(bytesOf(written) - bytesOf(received))
}

/** A session of psql inside a database's container: it is asked, and its answer taken if there is one by then. */
function openSession({ container }: DatabaseNode) {
  let child: ChildProcess | undefined
  let openedAt = Number.NEGATIVE_INFINITY
  let asked = false
  let answer: Answer | undefined

  function open(): void {
    if (performance.now() - openedAt < REOPEN_AFTER_MS) return
    openedAt = performance.now()
    const opened = spawn('docker', ['exec', '-i', container, 'psql', '-XAtq', '-d', 'polling'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    child = opened
    asked = false
    // Whatever ends it, `close` comes after it.
    opened.on('error', () => {})
    opened.stdin.on('error', () => {})
    opened.on('close', () => {
      if (child === opened) child = undefined
    })
    createInterface({ input: opened.stdout }).on('line', (line) => {
      asked = false
      answer = positionIn(line)
    })
  }
  return {
    ask() {
      if (child === undefined) open()
      // A frozen database is asked once, or it would answer a pile of questions when it thaws.
      if (child === undefined || asked) return
      asked = true
      child.stdin?.write(`${ASK_POSITION};\n`)
    },
    take(): Answer | undefined {
      const taken = answer
      answer = undefined
      return taken
    },
    async close() {
      if (child === undefined) return
      const closed = once(child, 'close')
      child.stdin?.end()
      child.kill()
      await closed
    },
  }
}

function positionIn(line: string): Answer | undefined {
  try {
    return Position.parse(JSON.parse(line))
  } catch {
    // Half a line, of a session that broke off.
    return undefined
  }
}
