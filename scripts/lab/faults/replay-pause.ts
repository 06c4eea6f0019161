import { change } from '../postgres/sql.ts'
import type { Kind } from './kind.ts'

/** A standby goes on receiving WAL and stops showing it. */
export const replayPause: Kind<'replay-pause'> = {
  name: 'replay-pause',
  does: 'stops replay on a standby: it still receives everything and shows nothing new',
  fits: 'a database that is a standby now',
  place: 'database',
  states: ['running'],
  hasPeers: false,
  hinders: true,
  options: {},
  isFor: ({ database }) => database !== undefined && 'inRecovery' in database && database.inRecovery,
  inject: (tell, { view }) => change(tell, view.node, 'select pg_wal_replay_pause()'),
  // PostgreSQL pauses replay by itself where a setting is lower than the primary's; resumed, it would end.
  inForce: ({ database }) =>
    database !== undefined && 'inRecovery' in database && database.replayPaused && database.tooLow.length === 0
      ? [{ detail: 'receives WAL, replays none' }]
      : [],
  heal: (tell, _, node) => change(tell, node, 'select pg_wal_replay_resume()'),
}
