import { type Observation, observeOver } from '../../postgres/observe.ts'
import { openSession, type Session } from '../../postgres/session.ts'
import type { DatabaseName, DatabaseNode, Lab } from '../../topology/topology.ts'

/** A session in each database. */
export type Sessions = ReadonlyMap<DatabaseName, Session>

/** What a failover works with. */
export type Means = {
  readonly lab: Lab
  readonly sessions: Sessions
  /** When the failover began, milliseconds since the epoch. */
  readonly started: number
  /** Seconds, before `patience`, that the old primary has for an answer. */
  readonly seconds: number
}

/** Opens a session in each database. They can be asked at once, and answer when they are open. */
export const openSessions = (lab: Lab): Sessions => new Map(lab.databases.map((node) => [node.name, openSession(node)]))

export function sessionOf({ sessions }: Pick<Means, 'sessions'>, { name }: DatabaseNode): Session {
  const session = sessions.get(name)
  if (session === undefined) throw new Error(`no session in ${name}`)
  return session
}

/** What a database says about itself, over its session. */
export const observeIn = (means: Means, node: DatabaseNode, seconds: number): Promise<Observation> =>
  observeOver(sessionOf(means, node), seconds * means.lab.settings.patience)
