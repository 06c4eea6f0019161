import { createServer } from 'node:net'
import { labError } from './errors.ts'
import type { Lab } from './topology.ts'

/**
 * Runs `work` while nothing else changes the same lab; a second one gets a `BUSY` error.
 * The lock is an abstract socket: the kernel lets go of it however the process ends, so none can be left behind.
 */
export async function exclusively<T>(lab: Lab, work: () => Promise<T>): Promise<T> {
  const lock = createServer()
  await new Promise<void>((resolve, reject) => {
    lock.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? labError('BUSY', { lab: lab.name }) : error),
    )
    lock.listen({ path: `\0failover-lab/${lab.name}` }, resolve)
  })
  try {
    return await work()
  } finally {
    lock.close()
  }
}
