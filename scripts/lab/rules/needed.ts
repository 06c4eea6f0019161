import type { Down } from '../postgres/data.ts'
import type { DatabaseName, DatabaseNode } from '../topology/topology.ts'
import { choiceOf, choiceText, levelInForce, mustStream, optionsFor } from './durability.ts'
import { type Members, sendsTo } from './members.ts'
import { directOf } from './upstreams.ts'

/** A database that cannot be removed, why, and what makes it removable. */
export type Needed = { readonly node: DatabaseName; readonly why: string; readonly remedy: string }

/**
 * The first of some databases that cannot go, if any: it takes writes, may have votes that no other database has, or commits
 * wait for it. `down`: what those that do not answer are by their data; without an entry nobody can tell.
 */
export function neededOf(
  stays: readonly DatabaseNode[],
  goes: readonly DatabaseNode[],
  members: Members,
  down: Down,
): Needed | undefined {
  const { primary, rivals } = members
  const isGoing = ({ node }: { readonly node: DatabaseNode }) => goes.some(({ name }) => name === node.name)
  const writable = primary === undefined ? undefined : [primary, ...rivals].find(isGoing)
  if (writable !== undefined && rivals.length > 0)
    return {
      node: writable.node.name,
      why: 'takes writes, as another database does',
      remedy: 'zx scripts/rejoin.ts leaves one primary, and keeps the votes that only the other one has',
    }
  if (primary !== undefined && writable !== undefined) {
    const next = stays.find((node) => sendsTo(primary, node)) ?? stays[0]
    return {
      node: writable.node.name,
      why: 'is the primary',
      remedy: `zx scripts/switchover.ts ${next?.name} makes ${next?.name} the primary`,
    }
  }
  return withVotes(goes, members, down) ?? followed(stays, goes, members) ?? waitedFor(stays, goes, members)
}

/** One that a standby follows that stays. */
function followed(
  stays: readonly DatabaseNode[],
  goes: readonly DatabaseNode[],
  { primary, standbys }: Members,
): Needed | undefined {
  const isAmong = (nodes: readonly DatabaseNode[], name: string | null) => nodes.find((node) => node.name === name)
  const follower = standbys.find(({ node, facts }) => isAmong(stays, node.name) && isAmong(goes, facts.upstream))
  const upstream = follower && isAmong(goes, follower.facts.upstream)
  if (primary === undefined || follower === undefined || upstream === undefined) return undefined
  const { name } = follower.node
  return {
    node: upstream.name,
    why: `is the upstream of ${name}`,
    remedy: `zx scripts/replication.ts follow ${name} ${primary.node.name} points ${name} at the primary`,
  }
}

/** One that may have votes that no other database has. */
function withVotes(goes: readonly DatabaseNode[], { primary, standbys }: Members, down: Down): Needed | undefined {
  for (const { name } of goes) {
    const answers = standbys.some(({ node }) => node.name === name)
    const is = answers ? 'standby' : down[name]?.is
    if (is === undefined)
      return {
        node: name,
        why: 'has no container, and may have votes that no other database has',
        remedy: 'zx scripts/setup.ts without a LAB_STANDBYS makes its container again',
      }
    if (is === 'primary' || is === 'fenced')
      return {
        node: name,
        why: 'does not answer, and may have votes that no other database has',
        remedy: 'zx scripts/rejoin.ts lists these votes, keeps them, and brings it back as a standby',
      }
    if (primary === undefined && is !== 'nothing' && is !== 'fresh')
      return {
        node: name,
        why: 'may have votes that no other database has: no database is the primary now',
        remedy:
          'zx scripts/setup.ts without a LAB_STANDBYS starts what is down; zx scripts/failover.ts promotes a standby',
      }
  }
  return undefined
}

/** One without which commits would hang. */
function waitedFor(
  stays: readonly DatabaseNode[],
  goes: readonly DatabaseNode[],
  { primary, standbys, silent }: Members,
): Needed | undefined {
  const [first] = goes
  if (primary === undefined || first === undefined) return undefined
  const level = levelInForce(primary.facts)
  const choice = choiceOf(primary.facts)
  const direct = directOf(primary.node, [primary, ...standbys, ...silent])
  const most = direct.filter((it) => stays.some(({ name }) => name === it.node.name)).length
  if (mustStream(choice) > most) {
    const less = optionsFor({ level: choice.level, rule: { kind: 'any', count: most } })
    return {
      node: first.name,
      why: `is needed: a commit waits for any ${mustStream(choice)} standbys`,
      remedy: `zx scripts/replication.ts ${less} lets it wait for fewer`,
    }
  }
  const named = choice.rule.kind === 'first' && choice.level !== 'async' ? choice.rule.node : null
  const wished = goes.find(({ name }) => name === named)
  if (wished !== undefined)
    return {
      node: wished.name,
      why: `is the one that commits wait for at ${choiceText(choice)}`,
      remedy: `zx scripts/replication.ts ${choice.level} lets them wait for the others in their order`,
    }
  if (level === 'async' || stays.some((node) => sendsTo(primary, node))) return undefined
  return {
    node: first.name,
    why: `is the only standby that commits at ${level} can wait for`,
    remedy:
      'zx scripts/setup.ts without a LAB_STANDBYS or zx scripts/rejoin.ts brings another one back; zx scripts/replication.ts async waits for none',
  }
}
