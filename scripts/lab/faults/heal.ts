import { changing } from '../docker/leftovers.ts'
import { labError } from '../errors.ts'
import { lookAtData } from '../postgres/data.ts'
import { endedError, endOf } from '../postgres/ended.ts'
import { lookAtDatabases } from '../postgres/sights.ts'
import { membersOf } from '../rules/members.ts'
import { type LeftBehind, leftBehind } from '../rules/starting.ts'
import type { Reporter, Tell } from '../steps.ts'
import { inLarger, type Lab, MANAGERS, type Node, type NodeName } from '../topology/topology.ts'
import { repeated } from '../visible.ts'
import { until } from '../wait.ts'
import type { Fault, Kind, Peer, View } from './kind.ts'
import { faultsIn, KINDS } from './kinds.ts'
import { mayHaveFaults, noneHasFaults } from './namespace.ts'
import { assertThere, unseen, viewsOf } from './views.ts'

/** Which faults to heal; an empty list means all. */
export type Choice = {
  readonly kinds: readonly string[]
  /** Faults of these nodes, and faults between other nodes and them. */
  readonly nodes: readonly string[]
  /** Only faults between a node and one of these. */
  readonly peers?: readonly Peer[]
}

/** The choice that a user's words make: kinds, nodes, or kinds on nodes. */
export function choiceOf(lab: Lab, words: readonly string[]): Choice {
  const kinds = KINDS.map(({ name }) => name as string)
  const nodes = lab.nodes.map(({ name }) => name as string)
  const word = words.find((it) => !kinds.includes(it) && !nodes.includes(it))
  if (word !== undefined)
    throw labError('FAULT_UNKNOWN', {
      word: repeated(word),
      kinds: kinds.join(', '),
      nodes: nodes.join(', '),
      larger: inLarger(word),
    })
  return { kinds: words.filter((it) => kinds.includes(it)), nodes: words.filter((it) => nodes.includes(it)) }
}

/** The result of healing. */
export type Healed = {
  readonly healed: readonly Fault[]
  /** Nodes that could not be looked into, and why: it is unknown whether they have a fault. */
  readonly unseen: readonly string[]
}

/** Ends the chosen faults, and returns when it has seen that they are gone. It may be run again after any interruption. */
export const heal = (lab: Lab, choice: Choice, { step }: Reporter): Promise<Healed> =>
  changing(lab, () =>
    step('Heal', async ({ tell, retitle }) => {
      const result = await healAll(tell, lab, choice)
      if (result.healed.length === 0) retitle('Heal: nothing to heal')
      return result
    }),
  )

async function healAll(tell: Tell, lab: Lab, choice: Choice): Promise<Healed> {
  const kinds = KINDS.filter(({ name }) => choice.kinds.length === 0 || choice.kinds.includes(name))
  const places = [...new Set(kinds.map(({ place }) => place))]
  const healed = new Map<string, Fault>()
  const unknown = new Map<NodeName, string | undefined>()
  let stranded: LeftBehind | undefined
  let nodes = lab.nodes
  await until('the faults to be gone', { seconds: 60, patience: lab.settings.patience }, async () => {
    const views = await viewsOf(lab, nodes, places)
    assertThere(lab, views)
    const chosen = faultsIn(views, kinds).filter((fault) => isChosen(choice, fault))
    stranded ??= await strandedBy(lab, chosen)
    const left = chosen.filter(({ node, kind }) => !(node === stranded?.node.name && holdsBack(kind)))
    for (const view of views) {
      const asked = choice.nodes.length === 0 || choice.nodes.includes(view.node.name)
      unknown.set(view.node.name, asked ? unseen(view, places) : undefined)
    }
    // A node that does not stay up may need what was healed here: only one that was healed itself is a failure then.
    const own = [...healed.values()].map(({ node }) => node)
    if (left.length === 0)
      await assertStaysUp(lab, own.length === 0 ? views : views.filter(({ node }) => own.includes(node.name)))
    // A node that was just started can be asked soon; a node that stays down or frozen cannot.
    const soon = views.filter(({ node, container }) => container.state === 'running' && unknown.get(node.name))
    if (left.length === 0 && soon.length === 0) return { done: undefined }
    // The other faults were seen to be gone, and no other command changes the lab meanwhile.
    nodes = lab.nodes.filter(
      ({ name }) => left.some(({ node }) => node === name) || soon.some(({ node }) => node.name === name),
    )
    const first = kinds.find((kind) => left.some((fault) => fault.kind === kind.name))?.place
    for (const kind of kinds.filter(({ place }) => place === first)) await healKind(tell, lab, kind, views, left)
    for (const fault of left) healed.set(JSON.stringify([fault.kind, fault.node, fault.peer, fault.way]), fault)
    const seen = [...left.map(({ kind, node }) => `${kind} ${node}`), ...soon.map(({ node }) => unknown.get(node.name))]
    return { seen: seen.join(', ') }
  })
  // This error comes last: everything else is healed by now.
  if (stranded !== undefined) throw labError(stranded.why, { node: stranded.node.name })
  return { healed: [...healed.values()], unseen: [...unknown.values()].filter((why) => why !== undefined) }
}

/** A node that the engine starts again and again can never be asked, so this does not wait for it. */
async function assertStaysUp(lab: Lab, views: readonly View[]): Promise<void> {
  for (const { node, container } of views)
    if (endOf(container) === 'dying') throw await endedError(lab, node, container)
}

const healKind = (tell: Tell, lab: Lab, kind: Kind, views: readonly View[], left: readonly Fault[]): Promise<unknown> =>
  Promise.all(
    views.map(({ node }) => {
      const own = left.filter((fault) => fault.kind === kind.name && fault.node === node.name)
      return own.length === 0 ? undefined : kind.heal(tell, lab, node, own)
    }),
  )

/** Ends network faults of the nodes that keep running, if there may be some. All others have got new network namespaces. */
export async function healNetwork(tell: Tell, lab: Lab, nodes: readonly Node[]): Promise<void> {
  if (!(await mayHaveFaults(lab))) return
  const views = await viewsOf(lab, nodes, ['network'])
  const kinds = KINDS.filter(({ place }) => place === 'network')
  for (const kind of kinds) await healKind(tell, lab, kind, views, faultsIn(views, [kind]))
  await noneHasFaults(lab)
}

const isChosen = ({ nodes, peers }: Choice, { node, peer }: Fault): boolean =>
  (nodes.length === 0 || nodes.includes(node) || (peer !== null && nodes.includes(peer))) &&
  (peers === undefined || peer === null || peers.includes(peer))

const isDown = (kind: string): boolean => kind === 'crash' || kind === 'stop'

/** While such a fault is in force, the data of a database stay as they are. */
const holdsBack = (kind: string): boolean => isDown(kind) || kind === 'patroni'

/** The database that must not be started, or whose Patroni must not go on, if there is one. */
async function strandedBy(lab: Lab, faults: readonly Fault[]): Promise<LeftBehind | undefined> {
  const held = faults.filter(({ kind }) => kind === 'patroni').map(({ node }) => node)
  const rivals = held.length === 0 ? [] : membersOf(await lookAtDatabases(lab)).rivals
  const rival = rivals.find(({ node }) => held.includes(node.name))
  if (rival !== undefined) return { node: rival.node, why: 'WOULD_FORGET' }
  if (!faults.some(({ kind }) => isDown(kind))) return undefined
  const left = leftBehind(await lookAtData(lab), MANAGERS[lab.settings.manager])
  return left.find(({ node }) => faults.some((fault) => fault.node === node.name && isDown(fault.kind)))
}
