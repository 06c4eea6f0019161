import { connect, createServer } from 'node:net'
import { labError } from './errors.ts'
import type { Lab } from './topology.ts'

/**
 * Runs `work` while nothing else changes the same lab; a second one gets a `BUSY` error.
 * The lock is an abstract socket: the kernel lets go of it however the process ends, so none can be left behind.
 */
export async function exclusively<T>(lab: Lab, work: () => Promise<T>): Promise<T> {
  const lock = createServer((visitor) => visitor.destroy())
  await new Promise<void>((resolve, reject) => {
    lock.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? labError('BUSY', { lab: lab.name }) : error),
    )
    lock.listen({ path: pathOf(lab) }, resolve)
  })
  try {
    return await work()
  } finally {
    lock.close()
  }
}

/** Is some command changing the lab at this moment? */
export const isHeld = (lab: Lab): Promise<boolean> =>
  new Promise((resolve) => {
    const knock = connect({ path: pathOf(lab) })
    knock.once('connect', () => {
      knock.destroy()
      resolve(true)
    })
    knock.once('error', () => resolve(false))
  })

const pathOf = ({ name }: Lab): string => `\0failover-lab/${name}`
