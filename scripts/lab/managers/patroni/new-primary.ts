import { untilNodes } from '../../faults/waiting.ts'
import { type Answering, lookAtDatabases } from '../../postgres/sights.ts'
import { ask } from '../../postgres/sql.ts'
import { membersOf, seenOf } from '../../rules/members.ts'
import type { DatabaseName, Lab } from '../../topology/topology.ts'
import { type Promotion, promotionIn, WHERE_PARTED } from '../parting.ts'

/** Waits until Patroni has made another database than that one the primary. `seconds` is before `patience`. */
export const newPrimary = (lab: Lab, old: DatabaseName | undefined, seconds: number): Promise<Answering> =>
  untilNodes(
    lab,
    { what: 'Patroni to make a standby the primary', seconds, needs: [], needsOneOf: lab.databases },
    async () => {
      const sights = await lookAtDatabases(lab)
      const { primary, rivals } = membersOf(sights)
      const found = [primary, ...rivals].find((it) => it !== undefined && it.node.name !== old)
      return found === undefined ? { seen: seenOf(sights) } : { done: found }
    },
  )

/** Its timeline, and where it left the one before. */
export const promotionOf = async (lab: Lab, { node }: Answering): Promise<Promotion> =>
  promotionIn(await ask(lab, node, WHERE_PARTED))
