import { once } from 'node:events'
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { start } from '../docker/command.ts'
import type { Lab } from '../topology/topology.ts'

/** Writes what each node has logged since a time (milliseconds since the epoch) to a file for each node. */
export async function keepLogs(lab: Lab, since: number, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await Promise.all(
    lab.nodes.map(async ({ name, container }) => {
      const file = await open(join(folder, `${name}.log`), 'w')
      try {
        const command = ['logs', '--timestamps', '--since', new Date(since).toISOString(), container]
        await once(start(command, ['ignore', file.fd, file.fd]), 'close')
      } finally {
        await file.close()
      }
    }),
  )
}
