/** What a container gets. */
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
 * What every container of the lab runs under, node or helper: no capabilities, no way to new ones, its own root file
 * system read-only, and a limit on memory and processes.
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
