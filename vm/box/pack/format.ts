import type { BoxSettings } from '../../settings.ts'
import type { Run } from '../step.ts'

/** A disk that was built, and the empty folder in which it becomes the files of a box. */
export type Packing = {
  readonly disk: string
  readonly folder: string
  readonly settings: BoxSettings
}

/** One provider's kind of box: writes its files into the folder, all but the Vagrantfile, and gives their names. */
export type Format = (run: Run, packing: Packing) => Promise<readonly string[]>
