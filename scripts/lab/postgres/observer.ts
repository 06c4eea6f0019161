import { LabError } from '../errors.ts'
import type { DatabaseName, DatabaseNode, Lab } from '../topology/topology.ts'
import { ASK_POSITION, type Observation, observeOver, type Position, positionIn } from './observe.ts'
import { keptSession, openSession, type Session } from './session.ts'
import { lookAtDatabases, type Sight } from './sights.ts'

/** Seconds until a session that has ended is opened again. */
export const REOPEN_SECONDS = 1

/** Asks the databases over sessions that stay open, so that a look starts no process. Seconds are before `patience`. */
export type Observer = {
  /** What a session may be used for besides: other SQL. */
  readonly session: (node: DatabaseNode) => Session
  /** What a database says about itself; `room`: with the free space of its disk. */
  readonly observe: (node: DatabaseNode, seconds: number, room?: boolean) => Promise<Observation>
  /** Only its position, which is cheap; or why it gives none. */
  readonly position: (node: DatabaseNode, seconds: number) => Promise<Position | { readonly unreachable: string }>
  /** Looks at all databases. */
  readonly look: (seconds: number) => Promise<readonly Sight[]>
  readonly end: () => void
}

/** `open` opens a session at its first question. One that has ended is opened again when it is asked after `reopen` seconds. */
export function openObserver(lab: Lab, reopen = REOPEN_SECONDS, open = openSession): Observer {
  const { patience } = lab.settings
  const sessions = new Map<DatabaseName, Session>()
  const session = (node: DatabaseNode): Session => {
    const opened = sessions.get(node.name) ?? keptSession(() => open(node), reopen)
    sessions.set(node.name, opened)
    return opened
  }
  const observe = (node: DatabaseNode, seconds: number, room = false) =>
    observeOver(session(node), seconds * patience, room)
  return {
    session,
    observe,
    position: (node, seconds) => positionOver(session(node), seconds * patience),
    look: (seconds) => lookAtDatabases(lab, (node) => observe(node, seconds)),
    end: () => {
      for (const { end } of sessions.values()) end()
    },
  }
}

/** The position of a database over a session, or why it gives none. */
export const positionOver = (session: Session, seconds: number): Promise<Position | { readonly unreachable: string }> =>
  session.run(ASK_POSITION, seconds).then(positionIn, (error: unknown) => {
    if (error instanceof LabError) return { unreachable: error.message }
    throw error
  })
