import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { withoutPasswords } from '../../../vm/proxy.ts'
import { labError } from '../errors.ts'
import { interruption } from '../interruption.ts'
import { act, attempt, type Tell } from './docker.ts'
import { $, environment } from './shell.ts'

/** Seconds in which a registry must have begun to answer, else the image is made from Debian's archive. */
const REGISTRY_ANSWERS_WITHIN = 5

/** Makes `tag`, a small Debian of that suite: from a registry where one answers, else from Debian's archive. */
export async function makeBaseImage(tell: Tell, suite: string, tag: string, patience: number): Promise<void> {
  const pulled = `debian:${suite}-slim`
  const registry = await pull(tell, pulled, REGISTRY_ANSWERS_WITHIN * patience)
  if (registry === 'pulled') {
    await act(tell, ['tag', pulled, tag])
    return
  }
  const reason = await bootstrap(tell, suite, tag)
  if (reason !== undefined) throw labError('BASE_IMAGE', { suite, registry, reason })
}

/** Makes `tag` from Debian's archive; gives why that was not possible, if it was not. */
export async function bootstrap(tell: Tell, suite: string, tag: string): Promise<string | undefined> {
  // Documentation and translations are a third of such a system, and nobody reads them in a container.
  const without = ['doc', 'man', 'info', 'locale'].map((part) => `--dpkgopt=path-exclude=/usr/share/${part}/*`)
  // An image that was interrupted is built again: nothing in it has to be on the disk before the next step.
  const options = ['--aptopt=Acquire::Languages "none"', '--dpkgopt=force-unsafe-io', ...without]
  const command = ['--quiet', '--variant=minbase', ...options, suite, '-']
  tell(`mmdebstrap --variant=minbase ${suite} - | docker import - ${tag}`)
  const made = await $({
    quiet: true,
    nothrow: true,
    signal: interruption.signal,
    env: environment(),
  })`mmdebstrap ${command} | docker import --change ${'CMD ["bash"]'} - ${tag}`
  interruption.signal.throwIfAborted()
  if (made.exitCode === 0) return undefined
  // Half a tarball may have become an image.
  await attempt(['image', 'rm', tag])
  return withoutPasswords(made.stderr).trim().split('\n').slice(-3).join('; ')
}

/** Pulls an image, unless no registry begins to answer within `seconds`; gives `pulled` or why not. */
async function pull(tell: Tell, image: string, seconds: number): Promise<string> {
  tell(`docker pull ${image}`)
  const child = spawn('docker', ['pull', image], { stdio: ['ignore', 'pipe', 'pipe'], signal: interruption.signal })
  let errors = ''
  const silent = setTimeout(() => child.kill(), seconds * 1000)
  child.stdout.once('data', () => clearTimeout(silent))
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  const [exit] = await once(child, 'exit')
  clearTimeout(silent)
  if (exit === 0) return 'pulled'
  return errors.trim().split('\n')[0] || `no answer in ${seconds} s`
}
