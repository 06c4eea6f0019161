import type { Facts } from '../postgres/observe.ts'

/** When a commit is acknowledged, in rising order of what that costs and survives. */
export const LEVELS = {
  async: {
    commit: 'on',
    waitsFor: "the primary's own disk",
    survives: 'a crash of the primary that it comes back from',
    loses: 'what the standby has not received, when a failover leaves the primary behind',
  },
  remote_write: {
    commit: 'remote_write',
    waitsFor: "also the operating system of the standby's machine",
    survives: "the loss of the primary, and a crash of the standby's PostgreSQL",
    loses: "what the standby's machine had not put on its disk, when both machines fail at once",
  },
  on: {
    commit: 'on',
    waitsFor: "also the standby's disk",
    survives: 'the loss of either machine, and a crash of both',
    loses: 'nothing that was acknowledged, as long as one disk is left',
  },
  remote_apply: {
    commit: 'remote_apply',
    waitsFor: "also the standby's replay: reads there show it",
    survives: 'as much as `on`; and a read on the standby misses no acknowledged write',
    loses: 'nothing that was acknowledged, as long as one disk is left',
  },
} as const

export type Level = keyof typeof LEVELS

export const isLevel = (word: string | null | undefined): word is Level => word != null && Object.hasOwn(LEVELS, word)

/** The level that a primary's settings amount to; undefined for settings that are none of ours. */
export function levelInForce({ synchronousCommit, synchronousStandbys }: Facts): Level | undefined {
  if (synchronousStandbys === '') return synchronousCommit === 'on' ? 'async' : undefined
  return (Object.keys(LEVELS) as Level[]).find(
    (level) => level !== 'async' && LEVELS[level].commit === synchronousCommit,
  )
}

/** Does every commit wait for a standby that is not there? */
export const commitsHang = ({ synchronousCommit, synchronousStandbys, standbys }: Facts): boolean =>
  synchronousStandbys !== '' &&
  !['local', 'off'].includes(synchronousCommit) &&
  !standbys.some(({ sync }) => sync === 'sync' || sync === 'quorum')

/** The level that was asked for last; async where none was. */
export const levelChosen = ({ chosenLevel }: Facts): Level => (isLevel(chosenLevel) ? chosenLevel : 'async')
