import { allImages, hasImage, type Image, type Images, imagesOf, makeImage } from '../docker/images.ts'
import { moving } from '../docker/leftovers.ts'
import type { Reporter, Step, Tell } from '../steps.ts'
import type { Lab } from '../topology/topology.ts'
import { preflightOfImages } from './preflight.ts'

/** Makes the images of the lab that are missing, and nothing else. */
export const prepareImages = (lab: Lab, reporter: Reporter): Promise<void> =>
  moving(lab, async () => {
    const missing = await missingOf(await imagesOf(lab.settings))
    await reporter.step('Check the machine', () => preflightOfImages(missing.length > 0))
    await buildImages(lab, missing, reporter)
  })

/** Images that the engine does not have. */
export async function missingOf(images: Images): Promise<readonly Image[]> {
  const all = allImages(images)
  const present = await Promise.all(all.map(hasImage))
  return all.filter((_, index) => !present[index])
}

/** Makes those images. */
export async function buildImages(lab: Lab, missing: readonly Image[], { step, together }: Reporter): Promise<void> {
  if (missing.length === 0) await step('Build images: all there', () => {})
  else await together('Build images', builds(lab, missing))
}

/** One task for each image. An image waits for the image that it is built on; the others are built side by side. */
function builds(lab: Lab, missing: readonly Image[]): readonly Step<void>[] {
  const building = new Map<string, Promise<void>>()
  const build = (image: Image, tell: Tell): Promise<void> => {
    const after = image.build && building.get(image.build.base.tag)
    return (after ?? Promise.resolve()).then(() => makeImage(tell, image, lab.settings.patience, lab.settings.mirror))
  }
  return missing.map((image) => {
    const started = Promise.withResolvers<void>()
    building.set(image.tag, started.promise)
    // The tasks of images built on it await this, and so does its own task: no rejection stays unhandled.
    started.promise.catch(() => {})
    return {
      title: image.tag,
      work: ({ tell }) => {
        build(image, tell).then(started.resolve, started.reject)
        return started.promise
      },
    }
  })
}
