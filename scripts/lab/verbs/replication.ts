import { changing } from '../docker/leftovers.ts'
import { type LabError, labError } from '../errors.ts'
import { untilNodes } from '../faults/waiting.ts'
import { type Facts, LEVEL_SETTING, observe } from '../postgres/observe.ts'
import { type Answering, lookAtDatabases, type Sight } from '../postgres/sights.ts'
import { change } from '../postgres/sql.ts'
import {
  type Choice,
  choiceOf,
  choiceText,
  commitsHang,
  fewer,
  LEVELS,
  type Level,
  levelInForce,
  mustStream,
  optionsFor,
  type Rule,
  synchronousNames,
} from '../rules/durability.ts'
import { primaryOf, seenOf, sendsTo } from '../rules/members.ts'
import type { Reporter, Tell } from '../steps.ts'
import { type DatabaseName, type DatabaseNode, databaseNamed, type Lab, othersOf } from '../topology/topology.ts'

export type Replication = {
  /** The level in force; null if the settings are none of the four levels. */
  readonly level: Level | null
  /** The level that was chosen last. After a failover it differs, until the old primary has rejoined. */
  readonly chosen: Level
  /** Which standbys a commit waits for, at a level that waits for some. */
  readonly rule: Rule
  readonly primary: DatabaseName
  /** The databases that a commit can wait for, whether or not they stream now. */
  readonly others: readonly DatabaseName[]
  readonly standbys: readonly { readonly name: string; readonly state: string; readonly sync: string }[]
  readonly settings: { readonly synchronous_commit: string; readonly synchronous_standby_names: string }
  /** Whether commits wait for a standby that is not there. */
  readonly hangs: boolean
  readonly waitingCommits: number
}

/** The durability level, and whether commits return at it. */
export const replicationOf = async (lab: Lab): Promise<Replication> => describe(lab, await lookAtDatabases(lab))

function describe(lab: Lab, sights: readonly Sight[]): Replication {
  const { node, facts } = primaryOf(sights)
  const { level: chosen, rule } = choiceOf(facts)
  return {
    level: levelInForce(facts) ?? null,
    chosen,
    rule,
    primary: node.name,
    others: othersOf(lab, node).map(({ name }) => name),
    standbys: standbysOf(lab, node, facts).map(({ name, state, sync }) => ({ name, state, sync })),
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
    assertPossible(lab, node, choice.rule)
    const streaming = othersOf(lab, node).filter((other) => sendsTo(primary, other))
    const enough = streaming.length >= mustStream(choice)
    if (!enough && !force) throw tooFew(choice, streaming, sights)
    await step(`Set ${node.name} to ${choiceText(choice)}`, ({ tell }) => putLevel(tell, lab, node, choice))
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
    there: streaming.length === 0 ? 'none streams' : `only ${streaming.map(({ name }) => name).join(' and ')} streams`,
    seen: seenOf(sights),
    less: less === undefined ? '' : `, or wait for fewer (zx scripts/replication.ts ${optionsFor(less)})`,
    options: optionsFor(choice),
  })
}

/** Refuses a rule that no state of this lab can satisfy. */
function assertPossible(lab: Lab, primary: DatabaseNode, rule: Rule): void {
  const standbys = lab.databases.length - 1
  if (rule.kind === 'any' && rule.count > standbys) throw labError('QUORUM_TOO_LARGE', { count: rule.count, standbys })
  if (rule.kind === 'first' && rule.node !== null && databaseNamed(lab, rule.node) === primary)
    throw labError('ALREADY_PRIMARY', { node: primary.name })
}

/**
 * Puts the settings of a level on a primary. Only the primary names a synchronous standby: otherwise a standby that is
 * promoted would wait for a peer that is gone. The choice is kept in the database, so that the standby has it too.
 */
export async function putLevel(tell: Tell, lab: Lab, node: DatabaseNode, choice: Choice): Promise<void> {
  await change(tell, node, ...statementsOf(lab, node, choice), 'select pg_reload_conf()')
  // This commit does not wait for a standby: it has to return even while all others hang.
  const keep = `alter database polling set ${LEVEL_SETTING} = '${choiceText(choice)}'`
  await change(tell, node, 'set synchronous_commit = local', keep)
}

/** Whether a primary has the settings of a level, for the standbys that the lab has now. */
export const hasSettings = (lab: Lab, { node, facts }: Answering, choice: Choice): boolean =>
  levelInForce(facts) === choice.level && facts.synchronousStandbys === namesFor(lab, node, choice)

const namesFor = (lab: Lab, node: DatabaseNode, choice: Choice): string =>
  synchronousNames(
    choice,
    othersOf(lab, node).map(({ name }) => name),
  )

/** The statements that write the settings of a level. They hold when the configuration is reloaded. */
export function statementsOf(lab: Lab, node: DatabaseNode, choice: Choice): readonly string[] {
  return [
    `alter system set synchronous_commit = ${LEVELS[choice.level].commit}`,
    `alter system set synchronous_standby_names = '${namesFor(lab, node, choice)}'`,
  ]
}

/** Waits until new sessions have the level, the standby has the state that it asks for, and commits wait for the standby. */
export async function inForce(tell: Tell, lab: Lab, node: DatabaseNode, choice: Choice): Promise<void> {
  const { level } = choice
  const needs = level === 'async' ? [node] : lab.databases
  await untilNodes(lab, { what: `${choiceText(choice)} in force on ${node.name}`, seconds: 10, needs }, async () => {
    const facts = await observe(lab, node)
    if ('unreachable' in facts) return { seen: facts.unreachable }
    return hasLevel(standbysOf(lab, node, facts), facts, choice) ? { done: undefined } : { seen: phrase(facts) }
  })
  if (level !== 'async') await awaitCheckpointer(tell, node)
}

/** The checkpointer tells commits to wait. When a checkpoint is done, it has read the setting. */
const awaitCheckpointer = (tell: Tell, node: DatabaseNode): Promise<string> => change(tell, node, 'checkpoint')

/** What a primary says of the lab's other databases; other clients may stream from it too. */
const standbysOf = (lab: Lab, node: DatabaseNode, { standbys }: Facts): Facts['standbys'] =>
  standbys.filter(({ name }) => othersOf(lab, node).some((other) => other.name === name))

function hasLevel(standbys: Facts['standbys'], facts: Facts, choice: Choice): boolean {
  const { level, rule } = choice
  if (levelInForce(facts) !== level) return false
  if (level === 'async') return standbys.every(({ sync }) => sync === 'async')
  const wanted = rule.kind === 'any' ? 'quorum' : 'sync'
  const ready = standbys.filter(({ sync, state }) => sync === wanted && state === 'streaming')
  return ready.length >= mustStream(choice)
}

const phrase = ({ synchronousCommit, synchronousStandbys, standbys }: Facts): string =>
  `synchronous_commit ${synchronousCommit}, synchronous_standby_names '${synchronousStandbys}', standbys ${JSON.stringify(standbys)}`
