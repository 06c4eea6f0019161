import { chalk } from 'zx/core'
import type { Fault } from '../faults/kind.ts'
import type { FaultList } from '../faults/list.ts'
import { visible } from '../visible.ts'

/** Faults in words, one on each line. Faults of one node that differ only in peer or direction share a line. */
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

/** The list for people. */
export const faultTable = ({ faults, unseen }: FaultList): string =>
  [
    ...(faults.length === 0 ? ['no fault in force'] : faultLines(faults).map((line) => `${chalk.red('✗')} ${line}`)),
    ...unseen.map((why) => `${chalk.yellow('?')} its database cannot be asked: ${visible(why)}`),
  ].join('\n')
