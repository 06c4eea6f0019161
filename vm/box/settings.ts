import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { isMirror, MIRROR_MUST_BE } from '../network/mirror.ts'
import { withoutPasswords } from '../network/proxy.ts'
import { Problem } from './problem.ts'

const FILE = new URL('../settings.json', import.meta.url)

/** Processors that a box can be built for, as Debian calls them. */
export const ARCHITECTURES = ['amd64', 'arm64'] as const

/** Providers of Vagrant that a box can be built for, the default first. */
export const PROVIDERS = ['libvirt', 'virtualbox'] as const
export type Provider = (typeof PROVIDERS)[number]

const Settings = z.object({
  /** Name of the box, as Vagrant knows it. `LAB_BOX` overrides it. */
  box: z.string().regex(/^[\w.-]+\/[\w.-]+$/, 'must be like owner/name'),
  /** Debian release in the box. */
  suite: z.string().regex(/^[a-z]+$/, 'must be the code name of a Debian release'),
  /** Size of the machine. Some formats of boxes have to contain one; the Vagrantfile replaces it. */
  cpus: z.int('must be a whole number').min(1, 'must be at least 1'),
  memoryMiB: z.int('must be a whole number').min(1024, 'must be at least 1024'),
  /** Size of the virtual disk; what is not written takes no space. */
  diskGiB: z.int('must be a whole number').min(8, 'must be at least 8').max(1024, 'must be at most 1024'),
  /** Space that must be free to build a box. */
  buildGiB: z.number('must be a number'),
  /** Processor of the machine: what `LAB_ARCHITECTURE` says, else this host's own. */
  architecture: z.enum(ARCHITECTURES, `must be ${ARCHITECTURES.join(' or ')}`),
  /** What `LAB_MIRROR` says: where packages come from while the box is built. */
  mirror: z.string().refine(isMirror, MIRROR_MUST_BE).optional(),
})

export type BoxSettings = Readonly<z.infer<typeof Settings>>
export type Architecture = BoxSettings['architecture']

/** Debian's name of this host's processor; there may be no box for it. */
export const ownArchitecture = (processor: string = process.arch): string => (processor === 'x64' ? 'amd64' : processor)

/** The settings of the box: vm/settings.json, overridden by `LAB_BOX` and `LAB_ARCHITECTURE`. */
export function boxSettings(
  environment: NodeJS.ProcessEnv = process.env,
  table: unknown = JSON.parse(readFileSync(FILE, 'utf8')),
): BoxSettings {
  const name = environment['LAB_BOX']
  const mirror = environment['LAB_MIRROR']
  const architecture = environment['LAB_ARCHITECTURE'] || ownArchitecture()
  const given =
    typeof table === 'object'
      ? { ...table, ...(name ? { box: name } : {}), architecture, ...(mirror ? { mirror } : {}) }
      : table
  const parsed = Settings.safeParse(given)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const key = issue?.path.join('.') || 'the table'
  const elsewhere: Record<string, string | undefined> = {
    box: name && `LAB_BOX=${name}`,
    architecture: `the architecture ${architecture}`,
    mirror: mirror && `LAB_MIRROR=${withoutPasswords(mirror)}`,
  }
  const where = elsewhere[key] || `vm/settings.json: ${key}`
  throw new Problem(`${where} is unusable`, issue?.message ?? 'compare it with the file in version control')
}

/** File that `vm/box.ts` writes for this box and provider, below vm/build; vm/host/boxes.rb names it the same way. */
export function boxFileName(
  { box, architecture }: Pick<BoxSettings, 'box' | 'architecture'>,
  provider: Provider,
  classroom = false,
): string {
  const unusual = [
    ...(provider === 'libvirt' ? [] : [provider]),
    ...(architecture === 'amd64' ? [] : [architecture]),
    ...(classroom ? ['classroom'] : []),
  ]
  return `${[box.replaceAll('/', '-'), ...unusual].join('-')}.box`
}
