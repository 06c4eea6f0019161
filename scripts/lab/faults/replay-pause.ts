import { change } from '../postgres/sql.ts'
import type { Kind } from './kind.ts'

/** A standby still receives WAL but does not replay it. */
export const replayPause: Kind<'replay-pause'> = {
  name: 'replay-pause',
  does: 'stops replay on a standby: it still receives everything, but shows nothing new',
  fits: 'a database that is a standby now',
  place: 'database',
  states: ['running'],
  hasPeers: false,
  hinders: true,
  options: {},
  isFor: ({ database }) => database !== undefined && 'inRecovery' in database && database.inRecovery,
  inject: (tell, { view }) => change(tell, view.node, 'select pg_wal_replay_pause()'),
  // PostgreSQL pauses replay by itself if a setting is lower than on the primary. If replay is resumed then, it ends.
  inForce: ({ database }) =>
    database !== undefined && 'inRecovery' in database && database.replayPaused && database.tooLow.length === 0
      ? [{ detail: 'receives WAL, replays none' }]
      : [],
  heal: (tell, _, node) => change(tell, node, 'select pg_wal_replay_resume()'),
}
