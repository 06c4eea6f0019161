import { untilNodes } from '../faults/waiting.ts'
import { type Facts, observe } from '../postgres/observe.ts'
import type { Answering, Sight } from '../postgres/sights.ts'
import { change } from '../postgres/sql.ts'
import { type Choice, choiceText, levelInForce, mustStream, synchronousNames } from '../rules/durability.ts'
import { directOf } from '../rules/upstreams.ts'
import type { Tell } from '../steps.ts'
import { type DatabaseNode, type Lab, othersOf } from '../topology/topology.ts'

/** A standby that commits may wait for. */
export type Named = Pick<Sight, 'node'>

/** Whether a primary has the settings of a level, for the standbys that follow it now. */
export const hasSettings = ({ node, facts }: Answering, choice: Choice, sights: readonly Sight[]): boolean =>
  levelInForce(facts) === choice.level && facts.synchronousStandbys === namesFor(choice, directOf(node, sights))

/** The value of `synchronous_standby_names` for a level with those standbys. */
export const namesFor = (choice: Choice, direct: readonly Named[]): string =>
  synchronousNames(
    choice,
    direct.map(({ node }) => node.name),
  )

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
export const awaitCheckpointer = (tell: Tell, node: DatabaseNode): Promise<string> => change(tell, node, 'checkpoint')

/** What a primary says of the lab's other databases; other clients may stream from it too. */
export const standbysOf = (lab: Lab, node: DatabaseNode, { standbys }: Facts): Facts['standbys'] =>
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
