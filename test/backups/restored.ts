// The database that a restore puts beside the lab, as tests ask it.
import { until } from '../../scripts/lab/wait.ts'
import { docker, lab, patience, verb } from '../the-lab.ts'

export const { container } = lab.restored
export const inRestored = (query: string) => docker('exec', container, 'psql', '-XAtq', '-d', 'polling', '-c', query)
export const votersThere = (poll: string) =>
  inRestored(`select string_agg(user_id, ' ' order by user_id) from vote where poll_id = '${poll}'`)
export const remove = () => verb('restore', ['remove'])

/** Moments are possible from the second on that follows the one in which the backup ended. */
export const untilPossible = (ended: number) =>
  until('the second after the backup', { seconds: 5, patience }, async () =>
    Date.now() > (ended + 1) * 1000 ? { done: undefined } : { seen: 'the same second' },
  )
