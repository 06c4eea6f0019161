import { fileURLToPath } from 'node:url'
import type { Run } from '../step.ts'

const SCRIPT = fileURLToPath(new URL('tidy.sh', import.meta.url))

/** These keep their own time: layers of the engine (it is part of their digests), and a file that extlinux makes immutable. */
const OWN_TIME = ['var/lib/docker', 'var/lib/containerd', 'boot/extlinux/ldlinux.sys']

/** Removes from `root` what the build left there, and gives all files of the build the same time. */
export async function tidy(run: Run, root: string, made: Date): Promise<void> {
  await run`sh ${SCRIPT} ${root}`
  const without = OWN_TIME.flatMap((path) => ['-path', `${root}/${path}`, '-prune', '-o'])
  const time = made.toISOString()
  await run`find ${root} -xdev ${without} -newermt ${time} -exec touch --no-dereference --date ${time} {} +`
}
