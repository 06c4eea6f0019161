import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startRelay } from '../../../vm/mirror.ts'
import { PROXY_VARIABLES, withoutPasswords } from '../../../vm/proxy.ts'
import { labError } from '../errors.ts'
import { interruption } from '../interruption.ts'
import type { Settings } from '../settings.ts'
import type { Tell } from '../steps.ts'
import type { Node } from '../topology/topology.ts'
import { described } from './api.ts'
import { makeBaseImage } from './base-image.ts'
import { act, attempt, look, typed } from './command.ts'
import { $, environment } from './shell.ts'

const ROOT = join(import.meta.dirname, '../../..')

/** The schema: a database's image has it, so that only data from before has to be brought up to date. */
const MIGRATIONS = 'server/store/migrations'

/** Label of the images that this checkout has built; what another one beside it needs is not ours to remove. */
const MINE = `failover-lab.image=${ROOT}`

/** How the files of a build are packed: whose they are and how open they are on this machine is not to matter. */
const PACKED = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mode=u=rwX,go=rX']

/** Debian release whose archive has that major version of PostgreSQL. */
const SUITES = { '13': 'bullseye', '15': 'bookworm', '17': 'trixie' } as const
/** Release that everything else is made of. */
const SUITE = 'trixie'

export type Image = {
  readonly name: string
  readonly tag: string
  /** What it is built from; none for a base image. */
  readonly build?: {
    readonly base: Image
    readonly dockerfile: string
    /** Files and folders, relative to the project, that the build may see. */
    readonly context: readonly string[]
    readonly args: Readonly<Record<string, string>>
  }
}

export type Images = {
  readonly bases: readonly Image[]
  readonly postgres: Image
  readonly runtime: Image
  readonly server: Image
  readonly loader: Image
  /** Of no node: network faults are made with it. */
  readonly faults: Image
}

/** The images of a lab, each tagged with a digest of all that goes into it: a tag that exists is up to date. */
export async function imagesOf(settings: Settings): Promise<Images> {
  const modules = await productionModules()
  const named = namedIn(settings)
  const baseImage = baseIn(settings)
  const base = baseImage(SUITE)
  const postgresBase = SUITES[settings.postgres] === SUITE ? base : baseImage(SUITES[settings.postgres])
  const runtime = await image(named, 'runtime', base, modules, ['package-lock.json'])
  const [postgres, server, loader, faults] = await Promise.all([
    image(named, 'postgres', postgresBase, [MIGRATIONS], [MIGRATIONS], { MAJOR: settings.postgres }),
    image(named, 'server', runtime, ['proto', 'server']),
    image(named, 'loader', base),
    faultsImage(settings),
  ])
  return { bases: [...new Set([base, postgresBase])], postgres, runtime, server, loader, faults }
}

const namedIn = (settings: Settings) => (name: string, version: string) => `${settings.images}/${name}:${version}`
const baseIn =
  (settings: Settings) =>
  (suite: string): Image => ({ name: 'base', tag: namedIn(settings)('base', suite) })

/** What network faults are made with. */
export const faultsImage = (settings: Settings): Promise<Image> =>
  image(namedIn(settings), 'faults', baseIn(settings)(SUITE))

/** All images of a lab, those that others are built on first. */
export const allImages = ({ bases, postgres, runtime, server, loader, faults }: Images): readonly Image[] => [
  ...bases,
  postgres,
  runtime,
  server,
  loader,
  faults,
]

/** The image that a node runs. */
export const imageOf = (images: Images, node: Node): Image =>
  ({ database: images.postgres, server: images.server, loader: images.loader })[node.kind]

async function image(
  named: (name: string, version: string) => string,
  name: string,
  base: Image,
  context: readonly string[] = [],
  digested: readonly string[] = context,
  args: Readonly<Record<string, string>> = {},
): Promise<Image> {
  const folder = `provisioning/${name}`
  const digest = createHash('sha256').update(JSON.stringify([base.tag, args, PACKED]))
  for (const file of await filesBelow([folder, ...digested]))
    digest.update(`\0${file}\0`).update(await readFile(join(ROOT, file)))
  const version = [...Object.values(args), digest.digest('hex').slice(0, 12)].join('-')
  return {
    name,
    tag: named(name, version),
    build: { base, dockerfile: `${folder}/Dockerfile`, context: [folder, ...context], args },
  }
}

async function filesBelow(paths: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(
    paths.map(async (path) => {
      const entries = await readdir(join(ROOT, path), { withFileTypes: true, recursive: true }).catch(
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOTDIR') return undefined
          throw error
        },
      )
      if (entries === undefined) return [path]
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1))
    }),
  )
  return found.flat().sort()
}

/** The pinned Node, without the headers that come with it. */
const NODE_BINARY = ['node_modules/.bin/node', `node_modules/node-linux-${process.arch}/bin/node`]

/** What the servers run on: Node, and all of package-lock.json that is neither optional nor for development. */
async function productionModules(): Promise<readonly string[]> {
  const lock: { packages: Record<string, { dev?: boolean; optional?: boolean }> } = JSON.parse(
    await readFile(join(ROOT, 'package-lock.json'), 'utf8'),
  )
  const wanted = Object.entries(lock.packages).filter(
    // Folders come with all below them, hence only the outermost.
    ([path, { dev, optional }]) => path.lastIndexOf('node_modules/') === 0 && !dev && !optional,
  )
  return ['package.json', ...NODE_BINARY, ...wanted.map(([path]) => path)]
}

/** Does the engine have this image? */
export const hasImage = async (image: Image): Promise<boolean> =>
  (await described(`/images/${image.tag}/json`)) !== undefined

/** Makes an image that is missing; its own output is shown only if it fails. */
export async function makeImage(tell: Tell, image: Image, patience: number, mirror?: string): Promise<void> {
  if (image.build === undefined) {
    await makeBaseImage(tell, image.tag.split(':')[1] ?? '', image.tag, patience, mirror)
    return
  }
  const { base, dockerfile, context, args } = image.build
  await using relay = mirror === undefined ? undefined : await startRelay(mirror)
  const proxies = { ...process.env, ...relay?.environment }
  const settings = Object.entries({ BASE: base.tag, ...args }).flatMap(([key, value]) => [
    '--build-arg',
    `${key}=${value}`,
  ])
  const build = [
    'build',
    '--force-rm',
    // What this machine reaches, the build reaches: a proxy or a resolver on its loopback, say.
    '--network',
    'host',
    '-f',
    dockerfile,
    '-t',
    image.tag,
    '--label',
    MINE,
    ...settings,
    ...proxyArguments(proxies),
    '-',
  ]
  const shown = context.length > 6 ? [...context.slice(0, 3), '…'] : context
  tell(`tar -c ${[...PACKED, ...shown].map(typed).join(' ')} | docker ${build.map(typed).join(' ')}`)
  const result = await $({
    cwd: ROOT,
    quiet: true,
    nothrow: true,
    signal: interruption.signal,
    // Debian's engine may lack BuildKit's plugin; plain output either way, so that a failing step can be shown.
    env: environment({ BUILDKIT_PROGRESS: 'plain', ...relay?.environment }),
  })`tar -c ${PACKED} ${context} | docker ${build}`
  interruption.signal.throwIfAborted()
  if (result.exitCode === 0) return
  const unanswered = relay?.unanswered()
  if (unanswered) throw labError('MIRROR', unanswered)
  throw buildFailed(image.tag, failingStep(withoutPasswords(result.stdall)))
}

/** The engine keeps these out of the image and its history. By name only: their values may hold a password. */
const proxyArguments = (environment: NodeJS.ProcessEnv): readonly string[] =>
  PROXY_VARIABLES.filter((name) => environment[name]).flatMap((name) => ['--build-arg', name])

/** What makes a build fail, by what its last lines say; the first that fits. */
const CAUSES: readonly (readonly [RegExp, string])[] = [
  [/no space left on device/i, 'free some space (docker system df shows what the engine holds), then run setup again'],
  [
    /pull access denied|manifest unknown|failed to resolve source metadata|Get "https?:[^"]*\/v2\/"/i,
    'the image it is built on is not there (any more): run setup again, which makes that first',
  ],
  [
    /could not resolve|temporary failure resolving|failed to fetch|unable to (connect|fetch|locate package)|connection (timed out|refused|reset)|certificate verif/i,
    'the package archive cannot be reached or lacks something: mend that and run setup again, what is built stays built',
  ],
  [
    /tar: .*(cannot (stat|open)|no such file)|(copy|add) failed|not found in build context|failed to compute cache key/i,
    'files of this checkout are missing or cannot be read: npm ci, and git status shows what is missing; then run setup again',
  ],
]

/** The error of an image that could not be built, with what the output says to do about it. */
export const buildFailed = (image: string, output: string) =>
  labError('BUILD_FAILED', {
    image,
    output,
    remedy:
      CAUSES.find(([says]) => says.test(output))?.[1] ??
      'read the lines above: that step fails in itself; mend it and run setup again, what is built stays built',
  })

/** From the last step that began on, without the noise before it, at most 40 lines. */
export function failingStep(output: string): string {
  const lines = output.trimEnd().split('\n')
  const step = lines.findLastIndex((line) => /^(Step \d+\/\d+ :|#\d+ \[)/.test(line))
  const tail = lines.slice(Math.max(step, 0))
  return tail.length <= 40 ? tail.join('\n') : [tail[0], '…', ...tail.slice(-38)].join('\n')
}

/** Removes older builds of this checkout's images, except those that some container still runs. */
export async function removeSuperseded(tell: Tell, images: Images): Promise<void> {
  const current = allImages(images).filter(({ build }) => build !== undefined)
  const tags = (await look(['image', 'ls', '--filter', `label=${MINE}`, '--format', '{{.Repository}}:{{.Tag}}'])).split(
    '\n',
  )
  for (const { tag } of current) {
    const kin = tag.slice(0, -12)
    for (const old of tags.filter((other) => other !== tag && other.startsWith(kin) && other.length === tag.length)) {
      // Another lab may run it: then the engine refuses, and it stays.
      if ((await attempt(['image', 'rm', old])).exit === 0) tell(`docker image rm ${old}`)
    }
  }
}

/** Removes every image of that first name, whatever its version, base images included. */
export async function removeImages(tell: Tell, images: string): Promise<void> {
  const tags = await look(['image', 'ls', '--filter', `reference=${images}/*`, '--format', '{{.Repository}}:{{.Tag}}'])
  if (tags !== '') await act(tell, ['image', 'rm', ...tags.split('\n')])
}
