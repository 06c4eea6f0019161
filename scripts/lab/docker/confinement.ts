/** The limits of a container. */
export type Confined = {
  readonly memoryMiB: number
  /** User inside. */
  readonly uid: number
  /** Folders in memory that it may write to. */
  readonly scratch: readonly { readonly folder: string; readonly mebibytes: number }[]
}

/** Processes in one container. */
export const PROCESSES = 512

/**
 * How every container of the lab is confined, node or helper: without capabilities and without a way to get any, with a
 * read-only root file system, and with limits on memory and processes.
 */
export const confinement = ({ memoryMiB, uid, scratch }: Confined): readonly string[] => [
  ...['--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--pids-limit', String(PROCESSES)],
  ...['--memory', `${memoryMiB}m`, '--memory-swap', `${memoryMiB}m`],
  '--read-only',
  ...scratch.flatMap(({ folder, mebibytes }) => [
    '--tmpfs',
    `${folder}:rw,noexec,nosuid,nodev,size=${mebibytes}m,mode=0700,uid=${uid},gid=${uid}`,
  ]),
]
