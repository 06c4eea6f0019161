import { visible } from '../visible.ts'
import { archive } from './archive.ts'
import { crash } from './crash.ts'
import { freeze } from './freeze.ts'
import { isolate } from './isolate.ts'
import type { Fault, Kind, View } from './kind.ts'
import { patroni } from './patroni.ts'
import { reject } from './reject.ts'
import { replayPause } from './replay-pause.ts'
import { slot } from './slot.ts'
import { slow } from './slow.ts'
import { stop } from './stop.ts'

/** Every kind of fault. Healing takes them in this order: a node that is down or frozen shows nothing about its other faults. */
const ROWS = [crash, stop, freeze, isolate, reject, slow, replayPause, slot, archive, patroni] as const

export type KindName = (typeof ROWS)[number]['name']

export const KINDS: readonly Kind<KindName>[] = ROWS

/** The faults that are seen in views, by kind. */
export const faultsIn = (views: readonly View[], kinds: readonly Kind[] = KINDS): readonly Fault[] =>
  kinds.flatMap((kind) =>
    views.flatMap((view) =>
      kind.inForce(view).map(({ peer = null, way = null, detail }) => ({
        kind: kind.name,
        node: view.node.name,
        peer,
        way,
        detail,
      })),
    ),
  )

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
