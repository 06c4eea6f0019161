import { crash } from './crash.ts'
import { freeze } from './freeze.ts'
import { isolate } from './isolate.ts'
import type { Fault, Kind, View } from './kind.ts'
import { reject } from './reject.ts'
import { replayPause } from './replay-pause.ts'
import { slot } from './slot.ts'
import { slow } from './slow.ts'
import { stop } from './stop.ts'

/** Every kind of fault. Healing takes them in this order: a node that is down or frozen shows nothing about its other faults. */
const ROWS = [crash, stop, freeze, isolate, reject, slow, replayPause, slot] as const

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
