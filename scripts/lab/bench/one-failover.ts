import { setTimeout as pause } from 'node:timers/promises'
import { attempt } from '../docker/command.ts'
import { inject } from '../faults/inject.ts'
import { isolate } from '../faults/isolate.ts'
import { interruption } from '../interruption.ts'
import type { Failover } from '../managers/manager.ts'
import { pollingClient } from '../service/client.ts'
import { unreported } from '../steps.ts'
import { type DatabaseNode, endpointOf, type Lab } from '../topology/topology.ts'
import { startVerb } from '../verbs/process.ts'
import type { Watcher } from '../verbs/watcher.ts'
import { until } from '../wait.ts'
import { type SteadyVotes, steadyVotes } from './steady-votes.ts'

/** One failover: seconds until a client's vote was acknowledged, and the parts of this time. */
export type FailoverRun = { readonly seconds: number; readonly parts: Readonly<Record<string, number>> }

/** Runs a measurement while votes are cast through the balancer, from a random moment on. `timeline`: of the primary now. */
export async function underVotes<T>(
  lab: Lab,
  measure: (votes: SteadyVotes, poll: string) => Promise<T>,
  timeline = 1,
): Promise<T> {
  const address = endpointOf(lab, lab.loader) ?? ''
  const client = pollingClient(address, lab.settings.patience)
  const { uuid } = await client.createPoll('Who takes over?', ['a', 'b']).finally(client.close)
  const votes = steadyVotes(address, uuid, 'a')
  try {
    await acknowledged(lab, votes, Date.now(), timeline)
    // A random moment, since the watch looks at intervals.
    await pause(500 + Math.random() * 500, undefined, { signal: interruption.signal })
    return await measure(votes, uuid)
  } finally {
    votes.stop()
  }
}

const acknowledged = (lab: Lab, votes: SteadyVotes, since: number, timeline: number): Promise<number> =>
  until('a vote to be acknowledged', { seconds: 30, patience: lab.settings.patience }, async () => {
    const at = votes.acknowledgedAfter(since, timeline)
    return at === undefined ? { seen: 'none' } : { done: at }
  })

/** Kills the primary, and replaces it by the command. */
export async function commanded(lab: Lab, primary: DatabaseNode, votes: SteadyVotes): Promise<FailoverRun> {
  await broken(lab, primary.container, 'kill')
  const issued = Date.now()
  const { exit, stdout, stderr } = await startVerb(lab, 'failover', ['--json']).ended
  if (exit !== 0) throw new Error(stderr)
  const it: Failover = JSON.parse(stdout)
  const { marks } = it
  const served = await acknowledged(lab, votes, issued, it.timeline)
  const began = marks.checked - (it.parts['check'] ?? 0) * 1000
  return runOf({
    issued,
    start: began,
    check: marks.checked,
    fence: marks.fenced,
    promote: marks.promoted,
    serve: served,
  })
}

/** Breaks the primary, and lets a watch replace it. `inForce` is called when the fault is in force. */
export async function watched(
  lab: Lab,
  watcher: Watcher,
  primary: DatabaseNode,
  fault: 'kill' | 'pause' | 'isolate',
  votes: SteadyVotes,
  inForce = () => {},
): Promise<FailoverRun> {
  await watcher.next('watching', (it) => it.primary === primary.name && it.standby !== null)
  const issued = fault === 'isolate' ? await isolated(lab, primary, votes) : await broken(lab, primary.container, fault)
  const since = Date.now()
  inForce()
  const { detected, marks, timeline } = await watcher.next('failed-over')
  const served = await acknowledged(lab, votes, since, timeline)
  return runOf({
    issued,
    detection: detected,
    check: marks.checked,
    fence: marks.fenced,
    promote: marks.promoted,
    serve: served,
  })
}

/** Makes the fault; gives the time of the command. Some kernels refuse to freeze at first, so it tries again. */
export const broken = (lab: Lab, container: string, fault: 'kill' | 'pause'): Promise<number> =>
  until(`docker ${fault} to succeed`, { seconds: 10, patience: lab.settings.patience }, async () => {
    const issued = Date.now()
    const done = await attempt([fault, container])
    return done.exit === 0 ? { done: issued } : { seen: done.stderr }
  })

/**
 * Cuts the primary off from all other nodes; gives the time of the last vote that was acknowledged before. The command takes a
 * while before the cut is in force, so its own time says nothing.
 */
async function isolated(lab: Lab, primary: DatabaseNode, votes: SteadyVotes): Promise<number> {
  await inject(lab, { kind: isolate, node: primary.name, peers: [], options: {} }, unreported)
  return votes.lastAcknowledged()
}

/** Turns moments, in their order, into the seconds between them; `serve` is the last. */
function runOf({
  issued,
  ...ends
}: Record<'issued' | 'serve', number> & Readonly<Record<string, number>>): FailoverRun {
  let last = issued
  const parts = Object.entries(ends).map(([name, end]) => {
    // Votes may be served before the promotion is confirmed.
    const until = Math.min(end, ends.serve)
    const part = [name, (until - last) / 1000] as const
    last = until
    return part
  })
  return { seconds: (last - issued) / 1000, parts: Object.fromEntries(parts) }
}

/** One failover in a line. */
export function lineOf(run: FailoverRun | undefined): string {
  const parts = Object.entries(run?.parts ?? {}).map(([name, seconds]) => `${name} ${seconds.toFixed(2)}`)
  return `${run?.seconds.toFixed(2)} s: ${parts.join(', ')}`
}
