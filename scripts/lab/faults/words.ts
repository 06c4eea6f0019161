import { visible } from '../visible.ts'
import type { Fault } from './kind.ts'

/** Faults in words, one a line; those of one node that differ only in peer or way together. */
export function faultLines(faults: readonly Fault[]): readonly string[] {
  const groups = Map.groupBy(faults, ({ kind, node, detail }) => visible(`${kind} ${node}: ${detail}`))
  return [...groups].map(([text, group]) => {
    const peers = Map.groupBy(
      group.filter(({ peer }) => peer !== null),
      ({ peer }) => waysOf(group, peer),
    )
    const ends = [...peers].map(([ways, of]) => `${ways} ${[...new Set(of.map(({ peer }) => peer))].join(', ')}`)
    return ends.length === 0 ? text : `${text}, ${ends.join('; ')}`
  })
}

const waysOf = (group: readonly Fault[], peer: Fault['peer']): string => {
  const ways = new Set(group.filter((fault) => fault.peer === peer).map(({ way }) => way))
  return ways.size === 2 ? 'to and from' : ways.has('in') ? 'from' : 'to'
}
