import { cpus, release, totalmem } from 'node:os'
import { look } from '../engine/docker.ts'

/** What figures were taken on. */
export type Machine = {
  readonly processors: number
  readonly model: string
  readonly memoryGiB: number
  readonly kernel: string
  /** Version of the Docker engine. */
  readonly engine: string
  readonly node: string
}

/** Looks at the machine. */
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
