import { setMaxListeners } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { act } from '../docker/command.ts'
import { type Machine, machine } from '../docker/machine.ts'
import { interruption } from '../interruption.ts'
import { ask } from '../postgres/sql.ts'
import { pollingClient } from '../service/client.ts'
import { healthOf } from '../service/health.ts'
import { voter } from '../service/load/callers.ts'
import { loadClient } from '../service/load/client.ts'
import { type Call, clockFrom } from '../service/load/history.ts'
import { metricsOf } from '../service/metrics.ts'
import type { Say } from '../steps.ts'
import { type DatabaseNode, endpointOf, type Lab, type ServerNode } from '../topology/topology.ts'
import { until } from '../wait.ts'

export type EnduranceOptions = {
  /** Callers that vote without pause. */
  readonly callers: number
  /** Seconds in which the servers are killed and started again in turn. */
  readonly seconds: number
  /** Seconds without kills after that, to see whether memory grows. */
  readonly calmSeconds: number
}

/** MiB of a server some time after its last start, and at the end. */
export type Memory = { readonly name: string; readonly warm: number; readonly end: number }

export type EnduranceFigures = {
  readonly at: string
  readonly machine: Machine
  readonly options: EnduranceOptions
  readonly kills: number
  readonly acknowledged: number
  readonly perSecond: number
  /** Longest time without an acknowledgement, milliseconds. */
  readonly longestGap: number
  /** Votes that were not acknowledged, by error. */
  readonly errors: Readonly<Record<string, number>>
  /** Voters whose vote was acknowledged but is not stored. */
  readonly lost: readonly string[]
  readonly stored: number
  /** Votes in the results. If they are more than those stored, votes were counted twice. */
  readonly counted: number
  readonly memory: readonly Memory[]
}

/** How long a killed server stays dead, milliseconds. */
const DEAD_MS = 1000
/** After this share of the calm time code is compiled and buffers have their size. */
const WARM = 1 / 3

/** Votes without pause while the servers are killed and started again in turn, then compares the stored votes with the answers. */
export async function endure(lab: Lab, options: EnduranceOptions, say: Say): Promise<EnduranceFigures> {
  const [database] = lab.databases
  const address = endpointOf(lab, lab.loader)
  if (database === undefined || address === null) throw new Error('a lab without a database or a balancer')
  const client = pollingClient(address, lab.settings.patience)
  const { uuid: poll } = await client.createPoll('Who endures?', ['a', 'b'])
  const from = performance.now()
  const voters = startVoters(address, lab.settings.patience, poll, options.callers)
  try {
    const kills = await killInTurn(lab, options.seconds, say)
    const memory = await watchMemory(lab, options.calmSeconds, say)
    const { acknowledged, errors, longestGap } = await voters.stop()
    const seconds = (performance.now() - from) / 1000
    const { results } = await client.results(poll)
    const stored = await votersIn(lab, database, poll)
    return {
      at: new Date().toISOString(),
      machine: await machine(),
      options,
      kills,
      acknowledged: acknowledged.length,
      perSecond: acknowledged.length / seconds,
      longestGap,
      errors,
      lost: acknowledged.filter((voter) => !stored.has(voter)),
      stored: stored.size,
      counted: [...results.values()].reduce((sum, votes) => sum + votes, 0),
      memory,
    }
  } finally {
    await voters.stop()
    client.close()
  }
}

/** The broken promises, in words; empty if there are none. */
export function faultsOf({ acknowledged, errors, lost, stored, counted, kills }: EnduranceFigures): readonly string[] {
  return [
    ...(acknowledged === 0 || kills === 0 ? [`${acknowledged} votes and ${kills} kills: no evidence`] : []),
    ...Object.entries(errors).map(([error, votes]) => `${votes} votes were answered: ${error}`),
    ...(lost.length === 0 ? [] : [`${lost.length} acknowledged votes are not stored: ${lost.slice(0, 5).join(', ')}`]),
    ...(counted === stored ? [] : [`${stored} votes are stored and ${counted} counted`]),
  ]
}

type Voters = {
  /** Starts no more votes. When each vote has its answer, gives the results of all. */
  readonly stop: () => Promise<{ acknowledged: readonly string[]; errors: Record<string, number>; longestGap: number }>
}

/** All of them vote over the same connections. */
function startVoters(address: string, patience: number, poll: string, callers: number): Voters {
  const acknowledged: string[] = []
  const errors: Record<string, number> = {}
  const ending = new AbortController()
  // Each caller listens.
  setMaxListeners(0, ending.signal)
  const clock = clockFrom(Date.now())
  let last = clock.now()
  let longestGap = 0
  const record = ({ outcome, answer, user, end }: Call): void => {
    if (outcome !== 'ok' || user === null) {
      errors[answer] = (errors[answer] ?? 0) + 1
      return
    }
    acknowledged.push(user)
    longestGap = Math.max(longestGap, end - last)
    last = end
  }
  const client = loadClient(address, patience)
  const manner = { name: 'endurance', options: ['a'], restMs: 0 }
  const all = Promise.all(
    Array.from({ length: callers }, (_, id) =>
      voter({ id, client, clock, record, ending: ending.signal }, poll, manner),
    ),
  ).finally(client.close)
  return {
    async stop() {
      ending.abort()
      await all
      return { acknowledged, errors, longestGap }
    },
  }
}

/** Kills one server after the other for that time, each at least once. It kills the next when votes reach the last one again. */
async function killInTurn(lab: Lab, seconds: number, say: Say): Promise<number> {
  const end = performance.now() + seconds * 1000
  let kills = 0
  while (performance.now() < end || kills < lab.servers.length) {
    const server = lab.servers[kills % lab.servers.length]
    if (server === undefined) break
    kills += 1
    await act(say, ['kill', server.container])
    await pause(DEAD_MS, undefined, { signal: interruption.signal })
    await act(say, ['start', server.container])
    await serving(lab, server)
    await reached(lab, server)
  }
  return kills
}

const serving = (lab: Lab, server: ServerNode): Promise<void> =>
  until(`${server.name} to serve`, { seconds: 30, patience: lab.settings.patience }, async () => {
    const seen = await healthOf(endpointOf(lab, server) ?? '', 3 * lab.settings.patience)
    return seen === 'SERVING' ? { done: undefined } : { seen }
  })

// The balancer skips a server for a moment after it is back: if the other server were killed then, none would be left.
const reached = (lab: Lab, server: ServerNode): Promise<void> =>
  until(`votes to reach ${server.name} again`, { seconds: 30, patience: lab.settings.patience }, async () => {
    const groups = (await metricsOf(server))?.get('polling_vote_group_size_count') ?? 0
    return groups > 0 ? { done: undefined } : { seen: 'none since its start' }
  })

async function watchMemory(lab: Lab, seconds: number, say: Say): Promise<readonly Memory[]> {
  say(`no kills for ${seconds} s: does memory grow?`)
  await pause(seconds * 1000 * WARM, undefined, { signal: interruption.signal })
  const warm = await Promise.all(lab.servers.map(residentMiB))
  await pause(seconds * 1000 * (1 - WARM), undefined, { signal: interruption.signal })
  const end = await Promise.all(lab.servers.map(residentMiB))
  return lab.servers.map(({ name }, nth) => ({ name, warm: warm[nth] ?? Number.NaN, end: end[nth] ?? Number.NaN }))
}

const residentMiB = async (server: ServerNode): Promise<number> =>
  ((await metricsOf(server))?.get('process_resident_memory_bytes') ?? Number.NaN) / 2 ** 20

async function votersIn(lab: Lab, database: DatabaseNode, poll: string): Promise<ReadonlySet<string>> {
  const rows = await ask(lab, database, `select user_id from vote where poll_id = '${poll}'`)
  return new Set(rows.split('\n').filter((row) => row !== ''))
}
