import type { LabError } from '../../errors.ts'
import type { Belief } from '../../rules/suspicion.ts'
import type { DatabaseName } from '../../topology/topology.ts'
import type { Detection, Failover, Retargeted, WatchEvent } from '../manager.ts'
import type { Pair } from './probes.ts'

type Unstamped<Event> = Event extends unknown ? Omit<Event, 'at'> : never

/** Tells each news once. */
export type News = {
  /** What is believed after a round; `busy` if another command is changing the lab: then nothing is told. */
  readonly round: (pair: Pair, belief: Belief, busy: boolean) => void
  readonly decided: (primary: DatabaseName, belief: Belief, detection: Detection) => void
  readonly failedOver: (it: Failover, detection: Detection) => void
  readonly retargeted: (it: Retargeted, why: string) => void
  readonly refused: (error: LabError) => void
}

/** After this many rounds without a standby there is none. For fewer rounds its session may just be opening again. */
const MISSING = 5

export function newsFor(tell: (event: WatchEvent) => void): News {
  let watched: { primary: DatabaseName; standby: DatabaseName | null } | undefined
  let missing = 0
  let suspected = false
  let decided = false
  let refusal: string | undefined
  const say = (event: Unstamped<WatchEvent>) => tell({ at: new Date().toISOString(), ...event })
  const calm = () => {
    suspected = false
    decided = false
    refusal = undefined
  }
  return {
    round({ primary, standby }, { why }, busy) {
      if (primary === undefined || busy) return
      missing = standby === undefined ? missing + 1 : 0
      const changed = watched?.primary !== primary.name || watched.standby !== (standby?.name ?? null)
      if (changed && (missing === 0 || missing === MISSING)) {
        watched = { primary: primary.name, standby: standby?.name ?? null }
        say({ event: 'watching', ...watched })
      }
      if (why !== null && !suspected) say({ event: 'suspect', primary: primary.name, why })
      if (why === null && suspected) say({ event: 'recovered', primary: primary.name })
      if (why === null) calm()
      else suspected = true
    },
    decided(primary, { why }, detection) {
      // A refused failover is tried again, but told once.
      if (!decided) say({ event: 'decided', primary, why: why ?? '', ...detection })
      decided = true
    },
    failedOver(it, detection) {
      say({ event: 'failed-over', ...detection, ...it })
      // After a failover or a reset it says which primary it watches, also if it is the same one.
      watched = undefined
      calm()
    },
    retargeted(it, why) {
      say({ event: 'retargeted', ...it, why })
    },
    refused(error) {
      const { code, message } = error
      if (message !== refusal) say({ event: 'refused', code, why: message, fix: error.fixIn('failover') })
      refusal = message
    },
  }
}
