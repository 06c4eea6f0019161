import { cpus } from 'node:os'
import { attempt } from '../docker/command.ts'
import type { Lab } from '../topology/topology.ts'

/** Seconds of processor time of each node, and of `clients`: this process and its threads. */
export type ProcessorTime = Readonly<Record<string, number>>

/** The processor time of some work, and the share of all processors that was busy, with any program. */
export type Usage = { readonly seconds: ProcessorTime; readonly busy: number }

// Control groups of version 2, then of version 1: microseconds or nanoseconds.
const SPENT = 'cat /sys/fs/cgroup/cpu.stat 2>/dev/null || cat /sys/fs/cgroup/cpuacct/cpuacct.usage'

/** Does the work and gives the processor time that it took, by node. */
export async function whereTimeGoes<T>(lab: Lab, work: () => Promise<T>): Promise<{ result: T; usage: Usage }> {
  const before = await spent(lab)
  const { result, busy } = await busyDuring(work)
  const after = await spent(lab)
  const seconds = Object.entries(after).map(([name, total]) => [name, total - (before[name] ?? total)] as const)
  return { result, usage: { seconds: Object.fromEntries(seconds), busy } }
}

/** Does the work and gives the share of all processors that was busy meanwhile, with any program. */
export async function busyDuring<T>(work: () => Promise<T>): Promise<{ result: T; busy: number }> {
  const before = all()
  const result = await work()
  const after = all()
  return { result, busy: 1 - (after.idle - before.idle) / (after.total - before.total) }
}

async function spent(lab: Lab): Promise<ProcessorTime> {
  const own = process.cpuUsage()
  const nodes = await Promise.all(
    lab.nodes.map(async ({ name, container }) => {
      const { stdout } = await attempt(['exec', container, 'bash', '-c', SPENT])
      const [, micro] = /^usage_usec (\d+)/m.exec(stdout) ?? []
      return [name, micro === undefined ? Number(stdout) / 1e9 : Number(micro) / 1e6] as const
    }),
  )
  return { clients: (own.user + own.system) / 1e6, ...Object.fromEntries(nodes) }
}

function all(): { idle: number; total: number } {
  const times = cpus().map(({ times }) => times)
  return {
    idle: times.reduce((sum, { idle }) => sum + idle, 0),
    total: times.reduce((sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq, 0),
  }
}
