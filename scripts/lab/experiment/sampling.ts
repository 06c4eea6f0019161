import { setTimeout as pause } from 'node:timers/promises'
import { LabError } from '../errors.ts'
import { bytesOf } from '../lsn.ts'
import { ASK_POSITION, type Position, positionIn } from '../postgres/observe.ts'
import { keptSession, openSession, type Session } from '../postgres/session.ts'
import type { Clock } from '../service/load/history.ts'
import type { Lab } from '../topology/topology.ts'
import type { Sample } from './record.ts'

/** Looks at both databases again and again. */
export type Sampling = {
  /** Bytes of WAL that the standby lacks, as last seen. */
  readonly lag: () => number | undefined
  /** Stops looking, and gives what was seen. */
  readonly stop: () => Promise<readonly Sample[]>
}

const EVERY_MS = 250
/** Seconds, before `patience`, that a database has for an answer. */
const ANSWER_SECONDS = 0.2
/** Seconds until a session that has ended is opened again. */
const REOPEN_SECONDS = 1

/** Starts looking, over one session for each database that stays open. */
export function startSampling(lab: Lab, clock: Clock): Sampling {
  const sessions = lab.databases.map((node) => ({
    name: node.name,
    session: keptSession(() => openSession(node), REOPEN_SECONDS),
  }))
  const samples: Sample[] = []
  const ending = new AbortController()
  const look = async () => {
    const at = clock.now()
    const databases = sessions.map(async ({ name, session }) => ({
      name,
      ...seen(await positionOf(session, ANSWER_SECONDS * lab.settings.patience)),
    }))
    samples.push({ at, databases: await Promise.all(databases) })
  }
  const ended = (async () => {
    while (!ending.signal.aborted)
      await Promise.all([look(), pause(EVERY_MS, undefined, { signal: ending.signal }).catch(() => {})])
  })()
  // An error is thrown by `stop`.
  ended.catch(() => {})
  return {
    lag: () => lagOf(samples.at(-1)),
    async stop() {
      ending.abort()
      await ended
      for (const { session } of sessions) session.end()
      return samples
    },
  }
}

async function positionOf(session: Session, seconds: number): Promise<Position | undefined> {
  try {
    return positionIn(await session.run(ASK_POSITION, seconds))
  } catch (error) {
    if (error instanceof LabError) return undefined
    throw error
  }
}

const seen = (answer: Position | undefined) => ({
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
