import { once } from 'node:events'
import { join } from 'node:path'
import { MIRROR_APT_OPTION } from '../../../vm/network/mirror.ts'
import { withoutPasswords } from '../../../vm/network/proxy.ts'
import { type Relay, startRelay } from '../../../vm/network/relay.ts'
import { labError } from '../errors.ts'
import { interruption } from '../interruption.ts'
import type { Tell } from '../steps.ts'
import { act, attempt, look, start } from './command.ts'
import { $, environment } from './shell.ts'

/** Label that says what an image's Debian was made from. Images that are built on it inherit the label. */
const BASE_LABEL = 'failover-lab.base'

/** Records the versions of the packages in an image that comes from a registry. */
const RECORD = join(import.meta.dirname, '../../../provisioning/base')

/** Seconds in which a registry must begin to answer; otherwise the image is made from Debian's archive. */
const REGISTRY_ANSWERS_WITHIN = 5

/**
 * Makes `tag`, a small Debian of that suite: from the mirror if one is given, else from a registry if it answers, else from
 * Debian's archive.
 */
export async function makeBaseImage(
  tell: Tell,
  suite: string,
  tag: string,
  patience: number,
  mirror?: string,
): Promise<void> {
  if (mirror !== undefined) {
    await using relay = await startRelay(mirror)
    const reason = await bootstrap(tell, suite, tag, relay)
    if (reason === undefined) return
    const unanswered = relay.unanswered()
    if (unanswered) throw labError('MIRROR', unanswered)
    throw labError('BASE_IMAGE', { suite, registry: 'not asked, because LAB_MIRROR is set', reason })
  }
  const registry = await fromRegistry(tell, `debian:${suite}-slim`, tag, REGISTRY_ANSWERS_WITHIN * patience)
  if (registry === 'made') return
  const reason = await bootstrap(tell, suite, tag)
  if (reason !== undefined) throw labError('BASE_IMAGE', { suite, registry, reason })
}

/**
 * Makes `tag` from a registry's image, and records its digest: the name may mean another image tomorrow. Gives `made`, or
 * why not, if no registry begins to answer within `seconds`.
 */
export async function fromRegistry(tell: Tell, image: string, tag: string, seconds: number): Promise<string> {
  const registry = await pull(tell, image, seconds)
  if (registry !== 'pulled') return registry
  const digests: string[] = JSON.parse(await look(['image', 'inspect', '-f', '{{json .RepoDigests}}', image]))
  const [name] = image.split(/:[^:/]*$/)
  const exact = digests.find((digest) => digest.startsWith(`${name}@`)) ?? image
  await act(tell, [
    'build',
    '--force-rm',
    '--build-arg',
    `BASE=${exact}`,
    '--label',
    `${BASE_LABEL}=${exact}`,
    '-t',
    tag,
    RECORD,
  ])
  return 'made'
}

/** Makes `tag` from Debian's archive. If that is not possible, it gives the reason. */
export async function bootstrap(tell: Tell, suite: string, tag: string, relay?: Relay): Promise<string | undefined> {
  // Without documentation and translations: they are a third of such a system, and nobody reads them in a container.
  const without = ['doc', 'man', 'info', 'locale'].map((part) => `--dpkgopt=path-exclude=/usr/share/${part}/*`)
  // An interrupted image is built again, so no step has to wait until its files are on the disk.
  const record =
    '--customize-hook=mkdir "$1/etc/failover-lab" && chroot "$1" dpkg-query -W >"$1/etc/failover-lab/packages.txt"'
  const mirrored = relay ? [MIRROR_APT_OPTION] : []
  const options = ['--aptopt=Acquire::Languages "none"', ...mirrored, '--dpkgopt=force-unsafe-io', ...without, record]
  const command = ['--quiet', '--variant=minbase', ...options, suite, '-']
  tell(`mmdebstrap --variant=minbase ${suite} - | docker import - ${tag}`)
  const made = await $({
    quiet: true,
    nothrow: true,
    signal: interruption.signal,
    env: environment(relay?.environment),
  })`umask 022; mmdebstrap ${command} | docker import --change ${'CMD ["bash"]'} --change ${`LABEL ${BASE_LABEL}=mmdebstrap:${suite}`} - ${tag}`
  interruption.signal.throwIfAborted()
  if (made.exitCode === 0) return undefined
  // Half a tarball may have become an image.
  await attempt(['image', 'rm', tag])
  return withoutPasswords(made.stderr).trim().split('\n').slice(-3).join('; ')
}

/** Pulls an image, unless no registry begins to answer within `seconds`; gives `pulled` or why not. */
async function pull(tell: Tell, image: string, seconds: number): Promise<string> {
  tell(`docker pull ${image}`)
  const child = start(['pull', image])
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
