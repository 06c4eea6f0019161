import type { Facts } from '../postgres/observe.ts'

/** When a commit is acknowledged. Each level costs more and survives more than the one before. */
export const LEVELS = {
  async: {
    commit: 'on',
    waitsFor: "the primary's own disk",
    survives: 'a crash of the primary, if the primary comes back',
    loses: 'what the standby has not received, if there is a failover',
  },
  remote_write: {
    commit: 'remote_write',
    waitsFor: "also the operating system of the standby's machine",
    survives: "the loss of the primary, and a crash of the standby's PostgreSQL",
    loses: "what the standby's machine has not written to its disk, if both machines fail at once",
  },
  on: {
    commit: 'on',
    waitsFor: "also the standby's disk",
    survives: 'the loss of either machine, and a crash of both',
    loses: 'nothing that was acknowledged, as long as one disk is left',
  },
  remote_apply: {
    commit: 'remote_apply',
    waitsFor: "also the standby's replay: then reads there show the write",
    survives: 'as much as `on`; and a read on the standby sees every acknowledged write',
    loses: 'nothing that was acknowledged, as long as one disk is left',
  },
} as const

export type Level = keyof typeof LEVELS

export const isLevel = (word: string | null | undefined): word is Level => word != null && Object.hasOwn(LEVELS, word)

/** The level that a primary's settings make; undefined if they make none of ours. */
export function levelInForce({ synchronousCommit, synchronousStandbys }: Facts): Level | undefined {
  if (synchronousStandbys === '') return synchronousCommit === 'on' ? 'async' : undefined
  return (Object.keys(LEVELS) as Level[]).find(
    (level) => level !== 'async' && LEVELS[level].commit === synchronousCommit,
  )
}

/**
 * The value of `synchronous_standby_names` for a level on a primary with these standbys: a commit waits for the first of them
 * that is there.
 */
export function synchronousNames(level: Level, standbys: readonly string[]): string {
  const quoted = standbys.map((name) => `"${name}"`).join(', ')
  return level === 'async' ? '' : standbys.length > 1 ? `FIRST 1 (${quoted})` : quoted
}

/** Whether every commit waits for a standby that is not there. */
export const commitsHang = ({ synchronousCommit, synchronousStandbys, standbys }: Facts): boolean =>
  synchronousStandbys !== '' &&
  !['local', 'off'].includes(synchronousCommit) &&
  !standbys.some(({ sync }) => sync === 'sync' || sync === 'quorum')

/** The level that was chosen last; async if none was. */
export const levelChosen = ({ chosenLevel }: Facts): Level => (isLevel(chosenLevel) ? chosenLevel : 'async')
