import type { BoxSettings } from '../../settings.ts'
import type { Run } from '../step.ts'
import { libvirt } from './libvirt.ts'
import { virtualbox } from './virtualbox.ts'

/** A disk that was built, and the empty folder in which it becomes the files of a box. */
export type Packing = {
  readonly disk: string
  readonly folder: string
  readonly settings: BoxSettings
}

/** One provider's kind of box: writes its files into the folder, all but the Vagrantfile, and gives their names. */
export type Format = (run: Run, packing: Packing) => Promise<readonly string[]>

/** Every kind of box that can be built, by the provider that takes it. */
export const FORMATS = { libvirt, virtualbox } as const satisfies Record<string, Format>

/** A provider of Vagrant that a box can be built for. */
export type Provider = keyof typeof FORMATS

/** All of them, the default first. */
export const PROVIDERS = Object.keys(FORMATS) as readonly Provider[]
