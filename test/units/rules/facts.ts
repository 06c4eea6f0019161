import type { Facts } from '../../../scripts/lab/postgres/observe.ts'

/** A primary that is well and that nobody follows. */
export const ALONE: Facts = {
  inRecovery: false,
  timeline: 1,
  lsn: '0/3000000',
  receivedLsn: null,
  receiver: null,
  upstream: null,
  replayPaused: false,
  replayAgeSeconds: null,
  replayWaitsFor: [],
  tooLow: [],
  followsByHand: [],
  admitsByHand: [],
  delayedSeconds: 0,
  readOnly: false,
  undo: {
    default_transaction_read_only: ['alter system reset default_transaction_read_only'],
    recovery_min_apply_delay: ['alter system reset recovery_min_apply_delay'],
  },
  sessions: { used: 1, limit: 97 },
  sessionHolders: [],
  slots: [],
  standbys: [],
  synchronousCommit: 'on',
  synchronousStandbys: '',
  chosenLevel: null,
  waitingCommits: 0,
  archiver: null,
  archivesByHand: null,
}
