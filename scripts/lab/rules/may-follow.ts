import { type LabError, labError } from '../errors.ts'
import type { Sight } from '../postgres/sights.ts'
import type { DatabaseNode } from '../topology/topology.ts'
import { choiceOf, choiceText } from './durability.ts'
import { primaryOf } from './members.ts'
import { directOf, isReached, wouldCircle } from './upstreams.ts'

/** A database that is to follow another one. */
export type Wish = { readonly node: DatabaseNode; readonly upstream: DatabaseNode }

/** What would be seen of the databases if this standby followed that one. */
export const asIfFollowing = ({ node, upstream }: Wish, sights: readonly Sight[]): readonly Sight[] =>
  sights.map((it) => (it.node === node && it.facts ? { ...it, facts: { ...it.facts, upstream: upstream.name } } : it))

/** Why it may not follow that one, which may be fenced; undefined if it may. */
export function refusalOf(wish: Wish, sights: readonly Sight[], fenced: boolean): LabError | undefined {
  const { node, upstream } = wish
  const primary = primaryOf(sights)
  const names = { node: node.name, upstream: upstream.name, primary: primary.node.name }
  const [own, other] = [node, upstream].map((it) => sights.find((sight) => sight.node === it))
  if (own === undefined || other === undefined) throw new Error('a database that nobody looked at')
  if (node === primary.node) return labError('PRIMARY_FOLLOWS_NOBODY', names)
  if (node === upstream) return labError('FOLLOWS_ITSELF', names)
  if (fenced) return labError('CANNOT_FOLLOW', { ...names, seen: `${upstream.name} is fenced` })
  for (const { facts, seen } of [own, other]) if (!facts) return labError('CANNOT_FOLLOW', { ...names, seen })
  if (wouldCircle(node, other, sights)) return labError('WOULD_CIRCLE', names)
  if (upstream !== primary.node && !isReached(other, sights))
    return labError('CANNOT_FOLLOW', { ...names, seen: `${upstream.name} itself gets no WAL from the primary` })
  const choice = choiceOf(primary.facts)
  const direct = directOf(primary.node, asIfFollowing(wish, sights))
  const { level, rule } = choice
  const needs = (whom: string) =>
    labError('NEEDED_DIRECTLY', { node: node.name, choice: choiceText(choice), level, whom })
  if (level === 'async' || direct.some((it) => it.node === node)) return undefined
  if (rule.kind === 'any' && rule.count > direct.length)
    return needs(`any ${rule.count} standbys, and only ${direct.length} would be left`)
  return rule.kind === 'first' && rule.node === node.name ? needs(`${node.name} first`) : undefined
}
