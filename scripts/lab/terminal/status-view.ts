import { stripVTControlCharacters } from 'node:util'
import { chalk } from 'zx/core'
import { faultLines } from '../faults/kinds.ts'
import { bytes } from '../numbers.ts'
import type { NodeStatus } from '../verbs/node-status.ts'
import type { LabStatus } from '../verbs/status.ts'
import { visible } from '../visible.ts'
import { asTyped } from './as-typed.ts'
import { patroniLines } from './manager-view.ts'
import { table } from './table.ts'
import { inTree } from './tree.ts'

/** The lab's status as a table for people: one line for each node, or several if it is too long. At the end, who serves. */
export function statusTable(status: LabStatus, columns: number = Number.POSITIVE_INFINITY): string {
  const head = ['NODE', 'HEALTH', 'ROLE', 'TIMELINE', 'LSN', 'LAG', 'SLOT', 'ENDPOINT']
  const nodes = inTree(status).map(({ node, depth }) => [
    depth === 0 ? node.name : `${'  '.repeat(depth - 1)}└ ${node.name}`,
    node.healthy ? 'healthy' : node.state === 'running' ? 'unhealthy' : node.state,
    roleOf(node),
    String(node.database?.timeline ?? ''),
    node.database?.lsn ?? '',
    lagOf(node),
    slotOf(node),
    node.endpoint ?? '',
  ])
  const wide = table([head.map((cell) => chalk.dim(cell)), ...nodes.map((row) => row.map(coloured))])
  const fits = wide.every((line) => stripVTControlCharacters(line).length <= columns)
  const lines = fits ? wide : nodes.flatMap((row) => narrow(row, columns))
  const problems = status.nodes
    .filter(({ problem }) => problem !== null)
    .map(({ name, problem }) => `${chalk.red('✗')} ${name}: ${visible(String(problem))}`)
  const warnings = status.nodes
    .filter(({ warning }) => warning !== null)
    .map(({ name, warning }) => `${chalk.yellow('!')} ${name}: ${visible(String(warning))}`)
  const whose =
    status.otherUser === null
      ? []
      : [
          `${chalk.yellow('!')} this lab belongs to the user ${visible(status.otherUser)}: you may look at it, but not change it`,
        ]
  const where =
    status.runsWith === null
      ? []
      : [
          `${chalk.yellow('!')} this lab runs with ${status.runsWith.settings}, not with these settings: ${status.runsWith.remedy}`,
        ]
  const more = [...whose, ...where, ...problems, ...warnings, ...changes(status), ...faults(status)]
  return [
    ...lines,
    '',
    ...containers(status),
    ...(status.manager.view === null ? [] : patroniLines(status.manager.view)),
    ...archive(status),
    ...besides(status).map((line) => asTyped(line)),
    ...more.map((line) => asTyped(line)),
    summary(status),
  ].join('\n')
}

/** A node on several lines that fit into so many columns: first its name, health and role, then its facts. */
function narrow([name = '', health = '', role = '', ...facts]: readonly string[], columns: number): readonly string[] {
  const [timeline, lsn, lag, slot, endpoint] = facts
  const said = Object.entries({ timeline, LSN: lsn, lag, slot, at: endpoint }).flatMap(([what, fact]) =>
    fact === undefined || fact === '' ? [] : [`${what} ${fact}`],
  )
  const lines: string[] = []
  for (const fact of said) {
    const longer = `${lines.at(-1) ?? ''}, ${fact}`
    if (lines.length > 0 && longer.length <= columns) lines.splice(-1, 1, longer)
    else lines.push(`  ${fact}`)
  }
  return [[name, coloured(health), coloured(role)].join('  ').trimEnd(), ...lines]
}

/** What somebody changed with a `docker` command, and what repairs it. */
function changes({ nodes }: LabStatus): readonly string[] {
  const changed = nodes.filter((node) => node.changed.length > 0)
  const said = changed.flatMap(({ name, problem, changed }) => {
    const more = changed.filter((what) => !problem?.includes(what))
    return more.length === 0 ? [] : [`${chalk.yellow('!')} ${name}: ${visible(more.join('; '))}`]
  })
  const names = changed.map(({ name }) => name).join(', ')
  return changed.length === 0
    ? []
    : [...said, `${chalk.yellow('!')} changed by hand: ${names}; zx scripts/setup.ts repairs it`]
}

/** The names of the nodes' containers, if they differ from the nodes' names. */
const containers = ({ nodes }: LabStatus): readonly string[] =>
  nodes.some(({ name, container }) => container !== name)
    ? [`  containers: ${nodes.map(({ container }) => container).join(', ')}`]
    : []

/** How far the archive has come. */
function archive({ archiver, at }: LabStatus): readonly string[] {
  if (archiver === null) return []
  const { lastSegment, lastAt, failsSince } = archiver
  if (lastSegment === null || lastAt === null)
    return ['  archive: on, and nothing has arrived since the primary was started or promoted']
  const age = Math.max(0, Math.round((Date.parse(at) - Date.parse(lastAt)) / 1000))
  return [`  archive: last ${lastSegment}, ${age} s ago; ${failsSince === null ? 'no failure' : 'it fails now'}`]
}

/** What was restored and serves nobody. */
const besides = ({ restored }: LabStatus): readonly string[] =>
  restored === null ? [] : [`  beside the lab: db-restored, ${restored}; zx scripts/restore.ts list says what it is`]

/** The faults in force, or where to see them. */
function faults({ faults, nodes }: LabStatus): readonly string[] {
  const hidden = nodes.some(
    ({ state, healthy, trouble }) => state === 'running' && !healthy && trouble?.passes !== false,
  )
  const shown = faults.length === 0 ? [] : [`${chalk.yellow('!')} faults in force: ${faultLines(faults).join('; ')}`]
  const hint = hidden ? [`${chalk.yellow('!')} to see network faults: zx scripts/fault.ts list`] : []
  return [...shown, ...hint]
}

function coloured(cell: string): string {
  if (cell === 'healthy') return chalk.green(cell)
  if (['unhealthy', 'exited', 'paused', 'dead', 'absent', 'restarting'].includes(cell)) return chalk.red(cell)
  return cell === 'primary database' ? chalk.bold(cell) : cell
}

function roleOf({ kind, database }: NodeStatus): string {
  if (database !== null) return database.role === 'primary' ? 'primary database' : `${database.role}`
  return { database: '', store: 'store', server: 'server', loader: 'balancer' }[kind]
}

function lagOf({ database }: NodeStatus): string {
  if (database?.lagBytes == null) return ''
  if (database.lagBytes === 0) return '0 B'
  return `${bytes(database.lagBytes)}, ${(database.lagSeconds ?? 0).toFixed(1)} s`
}

/** Bytes of WAL that a database keeps even without a slot: wal_keep_size. */
const MUCH = 128 * 2 ** 20

/**
 * A database's slots, those in the same state together. Of a standby only those that say something: every other database has
 * one there, for the time when this standby may be the primary.
 */
function slotOf({ database }: NodeStatus): string {
  const all = database?.slots ?? []
  const shown =
    database?.role === 'standby'
      ? all.filter(
          ({ active, walStatus, retainedBytes }) => active || walStatus === 'lost' || (retainedBytes ?? 0) > MUCH,
        )
      : all
  const states = Map.groupBy(shown, ({ active, retainedBytes, walStatus }) =>
    walStatus === 'lost' ? 'lost' : active ? 'active' : `inactive, keeps ${bytes(retainedBytes ?? 0)}`,
  )
  return [...states].map(([state, slots]) => `${slots.map(({ name }) => visible(name)).join(', ')} ${state}`).join('; ')
}

/** With several primaries the servers write to the newest one. */
function split(nodes: LabStatus['nodes']): string {
  const timelines = nodes.flatMap(({ name, database }) =>
    database?.role === 'primary' ? [{ name, timeline: database.timeline ?? 0 }] : [],
  )
  const [newest, next] = timelines.sort((a, b) => b.timeline - a.timeline)
  const all = timelines.map(({ name }) => name).join(' and ')
  return newest?.timeline === next?.timeline
    ? `${all} take writes, on the same timeline`
    : `${all} take writes; the servers write to ${newest?.name}, on the newest timeline`
}

/** Who is the primary, and whether a vote gets through to it: it can be silent to the look, or closed to votes. */
function writesOf(primary: string | undefined, takesVotes: boolean): string {
  if (primary === undefined)
    return takesVotes ? 'votes get through, but no database says that it is the primary' : 'no database takes writes'
  return takesVotes ? `writes go to ${primary}` : `${primary} is the primary, but no vote gets through`
}

function summary({ nodes, primaries, takesVotes, serving, healthy, durability }: LabStatus): string {
  const up = nodes.filter((node) => node.healthy).length
  const [primary, second] = primaries
  const writes = second === undefined ? writesOf(primary, takesVotes) : split(nodes)
  const calls = serving.length === 0 ? 'no server answers calls' : `calls are served by ${serving.join(' and ')}`
  const at = durability === null || durability === 'async' ? '' : ` (durability: ${durability})`
  const mark = healthy ? chalk.green('✓') : chalk.red('✗')
  return `${mark} ${up} of ${nodes.length} nodes healthy; ${writes}${at}; ${calls}`
}
