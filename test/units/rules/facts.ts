import type { Facts } from '../../../scripts/lab/postgres/observe.ts'

/** A primary that is well and that nobody follows. */
export const ALONE: Facts = {
  inRecovery: false,
  timeline: 1,
  lsn: '0/3000000',
  receivedLsn: null,
  receiver: null,
  replayPaused: false,
  replayAgeSeconds: null,
  replayWaitsFor: [],
  tooLow: [],
  followsByHand: [],
  admitsByHand: [],
  delayedSeconds: 0,
  readOnly: false,
  sessions: { used: 1, limit: 97 },
  sessionHolders: [],
  slots: [],
  standbys: [],
  synchronousCommit: 'on',
  synchronousStandbys: '',
  chosenLevel: null,
  waitingCommits: 0,
}
