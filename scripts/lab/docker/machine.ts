import { cpus, release, totalmem } from 'node:os'
import { z } from 'zod'
import { look } from './command.ts'

/** The machine that was measured. */
export const Machine = z.object({
  processors: z.number(),
  model: z.string(),
  memoryGiB: z.number(),
  kernel: z.string(),
  /** Version of the Docker engine. */
  engine: z.string(),
  node: z.string(),
})
export type Machine = z.infer<typeof Machine>

/** Reads what this machine is. */
export async function machine(): Promise<Machine> {
  const [processor] = cpus()
  return {
    processors: cpus().length,
    model: processor?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    engine: await look(['version', '--format', '{{.Server.Version}}']),
    node: process.versions.node,
  }
}

/** The machine in one line. */
export const machineLine = ({ processors, model, memoryGiB, kernel, engine, node }: Machine): string =>
  `${processors} × ${model}, ${memoryGiB} GiB, Linux ${kernel}, Docker ${engine}, Node ${node}`
