import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { MAX_PORT_OFFSET, PORTS } from '../settings.ts'

/**
 * With a higher offset no port of a lab is among those that Linux gives to outgoing connections (32768 to 60999). Otherwise a
 * connection could take a port of a lab before its node starts. A lab's other ports stay below that range.
 */
const BEYOND_OUTGOING = 60_999 - Math.min(...Object.values(PORTS).filter((port) => port > 32_768))

/** A random LAB_PORT_OFFSET with which all ports of a lab are free now; random, so that two labs at once get two of them. */
export async function freePortOffset(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const offset = randomInt(BEYOND_OUTGOING + 1, MAX_PORT_OFFSET)
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
