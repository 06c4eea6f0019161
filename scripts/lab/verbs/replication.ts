import { changing } from '../docker/leftovers.ts'
import { type LabError, labError } from '../errors.ts'
import { listed } from '../listed.ts'
import { awaitCheckpointer, inForce, standbysOf } from '../managers/level.ts'
import { managerOf } from '../managers/manager-of.ts'
import { type Down, dataAmong } from '../postgres/data.ts'
import { type Answering, lookAtDatabases, type Sight } from '../postgres/sights.ts'
import { countedOf } from '../rules/counted.ts'
import {
  type Choice,
  choiceOf,
  choiceText,
  commitsHang,
  fewer,
  type Level,
  levelInForce,
  mustStream,
  optionsFor,
  type Rule,
} from '../rules/durability.ts'
import { membersOf, primaryOf, seenOf, sendsTo } from '../rules/members.ts'
import { directOf } from '../rules/upstreams.ts'
import type { Reporter } from '../steps.ts'
import { type DatabaseName, type DatabaseNode, databaseNamed, type Lab, othersOf } from '../topology/topology.ts'

export type Replication = {
  /** The level in force; null if the settings are none of the four levels. */
  readonly level: Level | null
  /** The level that was chosen last. After a failover it differs, until the old primary has rejoined. */
  readonly chosen: Level
  /** Which standbys a commit waits for, at a level that waits for some. */
  readonly rule: Rule
  readonly primary: DatabaseName
  /** How many standbys the lab has, whomever they follow. */
  readonly inLab: number
  /**
   * The standbys that a commit can wait for, whether or not they stream now: those that the settings name, or would name; none
   * that is known to follow another one, or to be fenced.
   */
  readonly others: readonly DatabaseName[]
  readonly standbys: readonly { readonly name: string; readonly state: string; readonly sync: string }[]
  /** Those that follow another standby. */
  readonly cascaded: readonly { readonly name: DatabaseName; readonly upstream: string }[]
  readonly settings: { readonly synchronous_commit: string; readonly synchronous_standby_names: string }
  /** Whether commits wait for a standby that is not there. */
  readonly hangs: boolean
  readonly waitingCommits: number
}

/** The durability level, and whether commits return at it. */
export async function replicationOf(lab: Lab): Promise<Replication> {
  const sights = await lookAtDatabases(lab)
  return describe(lab, sights, await dataAmong(sights))
}

function describe(lab: Lab, sights: readonly Sight[], down: Down): Replication {
  const { node, facts } = primaryOf(sights)
  const { level: chosen, rule } = choiceOf(facts)
  // Those among which a failover looks for a commit.
  const counted = countedOf(sights, down, facts.timeline).flatMap((it) => (it.node === node ? [] : [it.node.name]))
  const named = counted.filter((name) => facts.synchronousStandbys.includes(`"${name}"`))
  return {
    level: levelInForce(facts) ?? null,
    chosen,
    rule,
    primary: node.name,
    inLab: othersOf(lab, node).length,
    others: named.length > 0 ? named : counted,
    standbys: standbysOf(lab, node, facts).map(({ name, state, sync }) => ({ name, state, sync })),
    cascaded: membersOf(sights)
      .standbys.filter(({ facts }) => facts.upstream !== null && facts.upstream !== node.name)
      .map((it) => ({ name: it.node.name, upstream: it.facts.upstream ?? '' })),
    settings: {
      synchronous_commit: facts.synchronousCommit,
      synchronous_standby_names: facts.synchronousStandbys,
    },
    hangs: commitsHang(facts),
    waitingCommits: facts.waitingCommits,
  }
}

/** Sets the level while the primary runs, and returns when it is in force. Without enough standbys only with `force`. */
export const setLevel = (lab: Lab, choice: Choice, force: boolean, { step }: Reporter): Promise<Replication> =>
  changing(lab, async () => {
    const sights = await lookAtDatabases(lab)
    const primary = primaryOf(sights)
    const { node } = primary
    const direct = directOf(node, sights)
    assertPossible(lab, primary, direct, choice.rule)
    const streaming = othersOf(lab, node).filter((other) => sendsTo(primary, other))
    const enough = streaming.length >= mustStream(choice)
    if (!enough && !force) throw tooFew(choice, streaming, sights)
    await step(`Set ${node.name} to ${choiceText(choice)}`, ({ tell }) =>
      managerOf(lab).putLevel(tell, node, choice, direct),
    )
    await step('Wait until it is in force', async ({ tell }) => {
      if (enough) await inForce(tell, lab, node, choice)
      else await awaitCheckpointer(tell, node)
    })
    return replicationOf(lab)
  })

/** Every commit would hang: too few standbys stream. */
function tooFew(choice: Choice, streaming: readonly DatabaseNode[], sights: readonly Sight[]): LabError {
  const needed = mustStream(choice)
  const less = fewer(choice, streaming.length)
  return labError('NO_STANDBY', {
    level: choiceText(choice),
    needed: needed === 1 ? 'a standby' : `${needed} standbys`,
    there: streaming.length === 0 ? 'none streams' : `only ${listed(streaming.map(({ name }) => name))} streams`,
    seen: seenOf(sights),
    less: less === undefined ? '' : `, or wait for fewer (zx scripts/replication.ts ${optionsFor(less)})`,
    options: optionsFor(choice),
  })
}

/** Refuses a rule that these standbys cannot satisfy, whatever their state. */
function assertPossible(lab: Lab, { node }: Answering, direct: readonly Sight[], rule: Rule): void {
  if (rule.kind === 'any' && rule.count > direct.length)
    throw labError('QUORUM_TOO_LARGE', { count: rule.count, standbys: direct.length, more: moreFor(lab, rule.count) })
  if (rule.kind === 'any' || rule.node === null) return
  const first = databaseNamed(lab, rule.node)
  if (first === node) throw labError('ALREADY_PRIMARY', { node: node.name })
  if (!direct.some((it) => it.node === first)) throw labError('NOT_DIRECT', { node: first.name, primary: node.name })
}

/** How the primary gets so many standbys. */
const moreFor = (lab: Lab, count: number): string =>
  count <= lab.settings.standbys
    ? 'zx scripts/replication.ts follow points one more at the primary'
    : `LAB_STANDBYS=${count} zx scripts/setup.ts gives the lab so many`
