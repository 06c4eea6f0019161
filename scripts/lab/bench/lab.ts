import { freePortOffset } from '../free-ports.ts'
import { readSettings } from '../settings.ts'
import { teardown } from '../teardown.ts'
import { type Lab, labOf } from '../topology.ts'

/** Runs `measure` with a lab that is only its own, on free ports, and removes that lab whatever happens. */
export async function benchLab<T>(measure: (lab: Lab) => Promise<T>): Promise<T> {
  const lab = labOf({ ...readSettings(), name: `bench-${process.pid}`, portOffset: await freePortOffset() })
  try {
    return await measure(lab)
  } finally {
    await teardown(lab, { images: false })
  }
}
