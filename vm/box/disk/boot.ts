import type { Run } from '../step.ts'

/** How a machine comes from its firmware to the kernel. */
export type Boot = {
  /** The program that does it. */
  readonly loader: string
  /** MiB of the disk before and after the root file system, for what the firmware reads. */
  readonly before: number
  readonly after: number
  /** Packages in the box that it takes. */
  readonly packages: readonly string[]
  /** Prepares an empty disk of which the root file system will be a part. */
  readonly prepare: (run: Run, disk: string) => Promise<void>
  /** Makes `disk` bootable; its root file system is mounted at `root`. */
  readonly install: (run: Run, disk: string, root: string) => Promise<void>
}
