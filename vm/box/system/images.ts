import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Run } from '../step.ts'
import type { DescribedImage } from './describe-images.ts'

const PROJECT = fileURLToPath(new URL('../../..', import.meta.url))
const SCRIPT = fileURLToPath(new URL('build-images.sh', import.meta.url))

/** What build-images.sh writes for us, in the box while it is built. */
const DESCRIBED = 'opt/failover-lab/images.json'

/**
 * Builds the lab's images into the box, with the box's own engine: an emulated machine would need ten minutes more. Each
 * tag is a digest of the image's content, so a changed project builds only the images that have changed.
 */
export async function carryImages(run: Run, root: string): Promise<readonly DescribedImage[]> {
  await run`unshare --mount --pid --fork --kill-child sh ${SCRIPT} ${root} ${PROJECT}`
  const images: readonly DescribedImage[] = JSON.parse(await readFile(join(root, DESCRIBED), 'utf8'))
  await rm(join(root, DESCRIBED))
  return images
}
