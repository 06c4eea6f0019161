import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { MAX_PORT_OFFSET, PORTS } from '../settings.ts'

/** A random LAB_PORT_OFFSET with which all ports of a lab are free now; random, so that two labs at once get two of them. */
export async function freePortOffset(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const offset = randomInt(1000, MAX_PORT_OFFSET)
    if (await isFreeAt(offset)) return offset
  }
  throw new Error('found no port offset with all ports free in 100 tries')
}

/** The same for a person to type: a multiple of 1000 if one is free. */
export async function roundPortOffset(): Promise<number> {
  for (let offset = 1000; offset <= MAX_PORT_OFFSET; offset += 1000) if (await isFreeAt(offset)) return offset
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
