import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { PORTS } from '../settings.ts'

/** A LAB_PORT_OFFSET under which every port that a lab publishes is free right now; by chance, so that two labs at once differ. */
export async function freePortOffset(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const offset = randomInt(1000, 14000)
    if (await isFreeAt(offset)) return offset
  }
  throw new Error('found no port offset with all ports free in 100 tries')
}

/** The same for a person to type: in thousands, if one of those is free. */
export async function roundPortOffset(): Promise<number> {
  for (let offset = 1000; offset <= 14000; offset += 1000) if (await isFreeAt(offset)) return offset
  return freePortOffset()
}

const isFreeAt = async (offset: number): Promise<boolean> =>
  (await Promise.all(Object.values(PORTS).map((port) => isFree(port + offset)))).every(Boolean)

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ port, host: '0.0.0.0', exclusive: true }, () => probe.close(() => resolve(true)))
  })
