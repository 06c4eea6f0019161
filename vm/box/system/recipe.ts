import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { MIRROR_APT_OPTION } from '../../network/mirror.ts'
import { BOOTS } from '../disk/boot.ts'
import type { Architecture, BoxSettings } from '../settings.ts'

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const LAB_PACKAGES = new URL('../../../provisioning/packages.txt', import.meta.url)

/** What makes Debian a machine that boots and that Vagrant can log in to. */
const MACHINE_PACKAGES = [
  'initramfs-tools',
  'systemd-sysv',
  'systemd-resolved',
  'systemd-timesyncd',
  'dbus',
  'openssh-server',
  'sudo',
  'rsync',
  'iputils-ping',
  'less',
  'nano',
  'procps',
  'zstd',
] as const

// Documentation and translations, never read in a VM: half the size and a good part of the time to unpack.
const LEFT_OUT = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/info/*', '/usr/share/locale/*']
const KEPT = ['/usr/share/doc/*/copyright']

/** Package names in the text of provisioning/packages.txt; a `?` there marks one that not every release has. */
export function labPackages(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim().split(/\s+/)[0] ?? '')
    .filter((name) => name !== '')
    .map((name) => name.replace(/\?$/, ''))
}

/**
 * Every package asked for in the box: the machine's, and the lab's so that provisioning finds them installed.
 * The box's Debian is new enough to have all of them.
 */
export function boxPackages(architecture: Architecture, text: string = readFileSync(LAB_PACKAGES, 'utf8')): string[] {
  // The kernel for virtual machines: a third of the size of the general one.
  const kernel = [`linux-image-cloud-${architecture}`, ...BOOTS[architecture].packages]
  return [...new Set([...kernel, ...MACHINE_PACKAGES, ...labPackages(text)])]
}

/** Arguments of mmdebstrap that say where it takes which packages from, and how it proves them. */
export const mmdebstrapSources = ({ architecture, mirror }: BoxSettings): string[] => [
  '--mode=root',
  `--architectures=${architecture}`,
  '--keyring=/usr/share/keyrings/debian-archive-keyring.gpg',
  ...(mirror === undefined ? [] : [MIRROR_APT_OPTION]),
]

/** Arguments of mmdebstrap that install the box's system into the folder `root`. */
export function mmdebstrapArguments(settings: BoxSettings, root: string, packages: readonly string[]): string[] {
  const hook = (script: string) => `sh ${quoted(here(script))} "$1"`
  return [
    ...mmdebstrapSources(settings),
    '--variant=minbase',
    '--format=directory',
    ...LEFT_OUT.map((path) => `--dpkgopt=path-exclude=${path}`),
    ...KEPT.map((path) => `--dpkgopt=path-include=${path}`),
    // If the build is interrupted, there is no box. So dpkg need not wait until its files are on the disk; tidy.sh undoes this.
    '--dpkgopt=force-unsafe-io',
    `--include=${packages.join(',')}`,
    `--essential-hook=${hook('before-packages.sh')}`,
    `--customize-hook=${hook('after-packages.sh')}`,
    // This names no mirror: mmdebstrap knows Debian's own, with updates and security updates. The relay asks LAB_MIRROR instead.
    settings.suite,
    root,
  ]
}

/** A text as one word of a shell. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
