// What the random walk does to a lab: one `docker` command or a few, as somebody would type them who knows no verb.

import { attempt } from '../../scripts/lab/docker/command.ts'
import { type DatabaseNode, type Lab, type Node, othersOf } from '../../scripts/lab/topology/topology.ts'

/** Whose volume is gone after a move. */
export type Moved = { readonly did: string; readonly emptied: readonly string[] }
type Pick = <T>(of: readonly T[]) => T
export type Move = { readonly weight: number; readonly make: (lab: Lab, pick: Pick) => Promise<Moved> }

/** Runs a command that may be refused in the state that the lab is in; the walk goes on from there. */
async function tried(...args: readonly string[]): Promise<string> {
  const { exit, stderr } = await attempt(args)
  return `docker ${args.join(' ')}${exit === 0 ? '' : ` (refused: ${stderr.split('\n')[0]})`}`
}

const all = async (...commands: readonly (readonly string[])[]): Promise<Moved> => {
  const did: string[] = []
  for (const command of commands) did.push(await tried(...command))
  return { did: did.join('; '), emptied: [] }
}

const ofNode =
  (make: (container: string, lab: Lab, node: Node) => readonly (readonly string[])[]) => (lab: Lab, pick: Pick) => {
    const node = pick(lab.nodes)
    return all(...make(node.container, lab, node))
  }
const ofDatabase =
  (make: (node: DatabaseNode, lab: Lab, pick: Pick) => readonly (readonly string[])[]) => (lab: Lab, pick: Pick) =>
    all(...make(pick(lab.databases), lab, pick))

/** Settings that somebody tries out, of which a database does not start or cannot be reached. */
const SETTINGS = [
  "port = '5433'",
  "listen_addresses = 'localhost'",
  "listen_addresses = '203.0.113.7'",
  'ssl = on',
  "shared_preload_libraries = 'no_such_library'",
  "shared_buffers = '100GB'",
  'max_connections = 200000',
  'hot_standby = off',
  "unix_socket_directories = '/tmp'",
  "work_mem = '8MB'",
]

const inShell = (node: Node, script: string) => ['exec', node.container, 'bash', '-c', script]

/** Removes a database's container and the data with it. */
async function emptied(nodes: readonly DatabaseNode[]): Promise<Moved> {
  const gone: string[] = []
  const did: string[] = []
  for (const { name, container, volume = '' } of nodes) {
    did.push(await tried('rm', '-f', container))
    const removed = await attempt(['volume', 'rm', volume])
    if (removed.exit === 0) gone.push(name)
    did.push(`docker volume rm ${volume}${removed.exit === 0 ? '' : ' (refused)'}`)
  }
  return { did: did.join('; '), emptied: gone }
}

/** Takes everybody off the lab's network, and removes it. */
const withoutNetwork = (lab: Lab) => [
  ...lab.nodes.map(({ container }) => ['network', 'disconnect', '-f', lab.network, container]),
  ['network', 'rm', lab.network],
]

const elsewhere = (lab: Lab) => `${lab.network}-elsewhere`

export const MOVES: readonly Move[] = [
  { weight: 2, make: ofNode((it) => [['stop', it]]) },
  { weight: 3, make: ofNode((it) => [['kill', it]]) },
  { weight: 2, make: ofNode((it) => [['pause', it]]) },
  { weight: 2, make: ofNode((it) => [['restart', '-t', '5', it]]) },
  { weight: 3, make: ofNode((it) => [['rename', it, `${it}-old`]]) },
  {
    weight: 1,
    make: ofDatabase((node, lab) => {
      const peer = othersOf(lab, node)[0]?.container ?? ''
      const between = `${node.container}-between`
      return [
        ['rename', node.container, between],
        ['rename', peer, node.container],
        ['rename', between, peer],
      ]
    }),
  },
  { weight: 4, make: ofNode((it, lab) => [['network', 'disconnect', lab.network, it]]) },
  {
    weight: 2,
    make: ofNode((it, lab) => [
      ['network', 'disconnect', lab.network, it],
      ['network', 'connect', lab.network, it],
    ]),
  },
  {
    weight: 2,
    make: ofNode((it, lab) => [
      ['network', 'create', elsewhere(lab)],
      ['network', 'connect', elsewhere(lab), it],
    ]),
  },
  { weight: 1, make: (lab) => all(...withoutNetwork(lab)) },
  { weight: 1, make: (lab) => all(...withoutNetwork(lab), ['network', 'create', lab.network]) },
  { weight: 3, make: ofNode((it) => [['rm', '-f', it]]) },
  {
    weight: 1,
    make: ofNode((it, lab) => [
      ['rm', '-f', it],
      ['create', '--name', it, '--network', lab.network, `${lab.settings.images}/base:trixie`, 'sleep', '60'],
    ]),
  },
  { weight: 3, make: (lab, pick) => emptied([pick(lab.databases)]) },
  { weight: 0.3, make: (lab) => emptied(lab.databases) },
  {
    weight: 2,
    make: ofNode((it) => [
      ['update', '--restart=no', it],
      ['kill', it],
    ]),
  },
  { weight: 1, make: ofNode((it) => [['update', '--memory=150m', '--memory-swap=150m', it]]) },
  { weight: 1, make: ofNode((it) => [['update', '--cpus=1.5', it]]) },
  { weight: 2, make: ofDatabase((node) => [inShell(node, 'kill -9 -1')]) },
  {
    weight: 2,
    make: ofNode((it) => [
      ['exec', '-u', '0', it, 'bash', '-c', 'rm -f /run/secrets/*'],
      ['restart', '-t', '5', it],
    ]),
  },
  {
    weight: 6,
    make: ofDatabase((node, _, pick) => [
      ['exec', node.container, 'psql', '-qd', 'polling', '-c', `alter system set ${pick(SETTINGS)}`],
      ['restart', '-t', '5', node.container],
    ]),
  },
  {
    weight: 1,
    make: ofDatabase((node) => [
      inShell(node, 'echo "half a li" >> $PGDATA/postgresql.auto.conf'),
      ['restart', '-t', '5', node.container],
    ]),
  },
]

/** Removes what moves have made beside the lab. */
export async function tidyUp(lab: Lab): Promise<void> {
  for (const { container } of lab.nodes) {
    await attempt(['network', 'disconnect', '-f', elsewhere(lab), container])
    const freed = await attempt(['ps', '-aq', '--filter', `name=^/${container}-of-another`])
    if (freed.stdout !== '') await attempt(['rm', '-f', ...freed.stdout.split('\n')])
    const label = '{{index .Config.Labels "failover-lab.lab"}}'
    const found = await attempt(['container', 'inspect', '-f', label, container])
    if (found.exit === 0 && found.stdout !== lab.name) await attempt(['rm', '-f', container])
  }
  await attempt(['network', 'rm', elsewhere(lab)])
  const network = await attempt(['network', 'inspect', '-f', '{{index .Labels "failover-lab.lab"}}', lab.network])
  if (network.exit === 0 && network.stdout !== lab.name) await attempt(['network', 'rm', lab.network])
}

/** The same picks for the same seed. */
export function pickBy(seed: number): { pick: Pick; move: () => Move } {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const total = MOVES.reduce((sum, { weight }) => sum + weight, 0)
  return {
    pick: (of) => of[Math.floor(next() * of.length)] as (typeof of)[number],
    move: () => {
      let left = next() * total
      for (const move of MOVES) {
        left -= move.weight
        if (left < 0) return move
      }
      return MOVES[0] as Move
    },
  }
}
