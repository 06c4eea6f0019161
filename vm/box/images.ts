import { fileURLToPath } from 'node:url'
import type { Run } from './step.ts'

const PROJECT = fileURLToPath(new URL('../..', import.meta.url))
const SCRIPT = fileURLToPath(new URL('build-images.sh', import.meta.url))

/**
 * Builds the lab's images into the box, with the box's own engine: in an emulated machine it takes ten minutes more.
 * They are tagged with what they are made of, so that a changed project builds what changed.
 */
export async function carryImages(run: Run, root: string): Promise<void> {
  await run`unshare --mount --pid --fork --kill-child sh ${SCRIPT} ${root} ${PROJECT}`
}
