import { fileURLToPath } from 'node:url'
import type { Run } from '../step.ts'

const SCRIPT = fileURLToPath(new URL('tidy.sh', import.meta.url))

/** What keeps its own time: layers of the engine, whose digests hold it, and a file that extlinux makes immutable. */
const OWN_TIME = ['var/lib/docker', 'var/lib/containerd', 'boot/extlinux/ldlinux.sys']

/** Removes from `root` what building left there, and gives every file that it has written one time. */
export async function tidy(run: Run, root: string, made: Date): Promise<void> {
  await run`sh ${SCRIPT} ${root}`
  const without = OWN_TIME.flatMap((path) => ['-path', `${root}/${path}`, '-prune', '-o'])
  const time = made.toISOString()
  await run`find ${root} -xdev ${without} -newermt ${time} -exec touch --no-dereference --date ${time} {} +`
}
