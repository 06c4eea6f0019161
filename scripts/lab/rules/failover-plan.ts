import { type LabError, labError } from '../errors.ts'
import { listed } from '../listed.ts'
import type { Data, Down } from '../postgres/data.ts'
import type { Answering, Sight } from '../postgres/sights.ts'
import type { DatabaseName } from '../topology/topology.ts'
import { countedOf, wasLeftBehind } from './counted.ts'
import { choiceOf, enoughToKnow, mustBeHeard } from './durability.ts'
import { membersOf, seenOf, splitBrain } from './members.ts'

/** Bytes of WAL that may be lost if the user gives no limit; the same as Patroni's default. */
export const DEFAULT_MAX_LAG = 1024 * 1024

/**
 * What a failover will do: fence what was or may be the primary, promote the candidate, and let the other standbys follow it,
 * themselves or over others; or only confirm the primary, if that is done already. Of the fenced ones, the one that was the
 * primary comes first.
 */
export type Plan = { readonly fence: readonly Sight[]; readonly follow: readonly Sight[] } & (
  | {
      readonly kind: 'promote'
      readonly candidate: Answering
      /** Those that may have acknowledged what the candidate lacks. Without a container there is nothing to fence. */
      readonly wrote: readonly Sight[]
      /** The others among `fence`: an earlier failover left them behind, so they have nothing of what came after. */
      readonly left: readonly Sight[]
      /** What those that do not answer are by their data, as far as it was read. */
      readonly down: Down
    }
  | { readonly kind: 'done'; readonly primary: Answering }
)

export type Promoting = Extract<Plan, { kind: 'promote' }>

type Known = Pick<Promoting, 'candidate' | 'fence' | 'follow' | 'down'>

/**
 * The databases that do not answer, if so many of them are silent that nobody is promoted without them: an acknowledged commit
 * may be on these alone. None if the primary answers: it says itself how far its WAL goes.
 */
export const unheardBy = (plan: Known): readonly Sight[] =>
  plan.fence.some(({ facts }) => facts !== undefined) ? [] : silentUnless(plan, mustBeHeard)

/** The databases that do not answer, if these may have an acknowledged commit that no standby has that answers. */
export const mayHaveAlone = (plan: Known): readonly Sight[] => silentUnless(plan, enoughToKnow)

function silentUnless(plan: Known, needed: typeof mustBeHeard): readonly Sight[] {
  const { counted, of, heard } = hearing(plan)
  const enough = heard >= needed(choiceOf(plan.candidate.facts), of)
  return enough ? [] : counted.filter(({ facts }) => facts === undefined)
}

/** Of how many standbys a commit may have waited for some, and how many of these answer. One of `counted` was the primary. */
export function hearing({ candidate, fence, follow, down }: Known) {
  const counted = countedOf([candidate, ...fence, ...follow], down, candidate.facts.timeline)
  const heard = counted.filter((it) => it.facts !== undefined && !fence.includes(it)).length
  return { counted, of: counted.length - 1, heard }
}

/** The standby that a failover would promote now; undefined if there is a primary, or if it would refuse. */
export function replacementIn(sights: readonly Sight[], down: Down = {}): Answering | undefined {
  const { primary, standbys, silent } = membersOf(sights)
  const [candidate, ...follow] = standbys
  if (primary !== undefined || candidate === undefined) return undefined
  return unheardBy({ candidate, fence: silent, follow, down }).length === 0 ? candidate : undefined
}

/** Plans a failover. `to`: the standby to promote; undefined for the one that has most. */
export function planOf(sights: readonly Sight[], down: Down, to?: DatabaseName): Plan | LabError {
  const { primary, rivals, standbys, silent } = membersOf(sights)
  if (rivals.length > 0) return splitBrain(sights)
  const candidate = to === undefined ? standbys[0] : standbys.find(({ node }) => node.name === to)
  if (candidate === undefined && to !== undefined) return labError('NOT_A_STANDBY', { node: to, seen: seenOf(sights) })
  if (candidate !== undefined) {
    const others = standbys.filter((it) => it !== candidate)
    // Nothing is known of one without a container, and there is nothing to fence: it starts only after setup has looked at it.
    const absent = silent.filter(({ state }) => state === 'absent')
    const may = silent.filter((it) => !absent.includes(it) && mayBePrimary(down[it.node.name]?.is))
    const { timeline } = candidate.facts
    const left = may.filter(({ node }) => wasLeftBehind(down[node.name], timeline))
    const newest = may.filter((it) => !left.includes(it))
    const fence = primary === undefined ? [...newest, ...left] : [primary, ...may]
    const isFound = newest.some(({ node }) => wasPrimary(down[node.name], timeline))
    const wrote = primary === undefined ? [...newest, ...(isFound ? [] : absent)] : [primary]
    const follow = [...others, ...silent.filter((it) => !may.includes(it))]
    return { kind: 'promote', candidate, wrote, left, fence, follow, down }
  }
  const left = (is: Data['is']) => silent.filter(({ node }) => down[node.name]?.is === is)
  const [former] = left('primary')
  if (primary !== undefined && former !== undefined)
    return labError('ALREADY_PROMOTED', { primary: primary.node.name, old: former.node.name })
  const fenced = left('fenced')
  if (primary !== undefined && fenced.length > 0) return { kind: 'done', primary, fence: fenced, follow: [] }
  return labError('NOTHING_TO_PROMOTE', { seen: seenOf(sights) })
}

/** Whether it was the primary on that timeline. */
const wasPrimary = (data: Data | undefined, timeline: number | null): boolean =>
  (data?.is === 'primary' || data?.is === 'fenced') && data.timeline >= (timeline ?? 1)

/** What a promotion may lose if those databases were not heard. */
export const mayBeLost = (unheard: readonly DatabaseName[]): string =>
  `any acknowledged vote that is only on ${listed(unheard)} may be lost`

/** The names of those databases, for a sentence. */
export const namesOf = (sights: readonly Sight[]): string => listed(sights.map(({ node }) => node.name))

/** That they are fenced, as part of a sentence. */
export const areFenced = (sights: readonly Sight[]): string =>
  `${namesOf(sights)} ${sights.length > 1 ? 'are' : 'is'} fenced`

/** Its data says that it is a standby, or it has to be taken for the primary. */
export const mayBePrimary = (is: Data['is'] | undefined): boolean => is !== 'standby' && is !== 'follower'

/** Refuses a standby with a setting that is too low for its WAL: if replay is resumed, it ends and never becomes a primary. */
export function assertSettings({ node, facts }: Answering): void {
  const [low] = facts.tooLow
  if (low === undefined) return
  const { name: setting, here, needed } = low
  throw labError('REPLAY_NEEDS_SETTING', { node: node.name, container: node.container, setting, here, needed })
}
