import type { ListrTask } from 'listr2'
import { allImages, hasImage, type Image, type Images, imagesOf, makeImage } from '../docker/images.ts'
import { changing } from '../docker/leftovers.ts'
import { showing, steps, tellOf } from '../terminal/steps.ts'
import type { Lab } from '../topology/topology.ts'
import { preflightOfImages } from './preflight.ts'

/** Makes the images of the lab that are missing, and nothing else. */
export const prepareImages = (lab: Lab): Promise<void> =>
  changing(lab, async () => {
    const missing = await missingOf(await imagesOf(lab.settings))
    await steps([
      { title: 'Check the machine', task: () => preflightOfImages(missing.length > 0) },
      buildImages(lab, missing),
    ])
  })

/** Images that the engine does not have. */
export async function missingOf(images: Images): Promise<readonly Image[]> {
  const all = allImages(images)
  const present = await Promise.all(all.map(hasImage))
  return all.filter((_, index) => !present[index])
}

/** The step that makes those images. */
export const buildImages = (lab: Lab, missing: readonly Image[]): ListrTask => ({
  title: 'Build images',
  skip: missing.length === 0 ? 'Build images: all there' : false,
  task: (_, task) => task.newListr(buildTasks(lab, missing).map(showing), { concurrent: true }),
})

/** One task for each image. An image waits for the image that it is built on; the others are built side by side. */
function buildTasks(lab: Lab, missing: readonly Image[]): ListrTask[] {
  const building = new Map<string, Promise<void>>()
  const build = (image: Image, tell: (line: string) => void): Promise<void> => {
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
      task: (_, task) => {
        build(image, tellOf(task)).then(started.resolve, started.reject)
        return started.promise
      },
    }
  })
}
