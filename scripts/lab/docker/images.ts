import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PROXY_VARIABLES, withoutPasswords } from '../../../vm/network/proxy.ts'
import { labError } from '../errors.ts'
import { interruption } from '../interruption.ts'
import type { Settings } from '../settings.ts'
import type { Tell } from '../steps.ts'
import { type AnyNode, MANAGERS } from '../topology/topology.ts'
import { described } from './api.ts'
import { act, attempt, look, typed } from './command.ts'
import { $, environment } from './shell.ts'

const ROOT = join(import.meta.dirname, '../../..')

/** The schema is part of a database's image, so only older data has to be brought up to date. */
const MIGRATIONS = 'server/store/migrations'

/** Label of the images that this checkout has built: images of another checkout must not be removed. */
const MINE = `failover-lab.image=${ROOT}`

/** Says in an image which tag it was built for: a tag can be given to any image. */
const TAG_LABEL = 'failover-lab.tag'

/** How the files of a build are packed, so that their owner and mode on this machine do not matter. */
const PACKED = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mode=u=rwX,go=rX']

/** Debian release whose archive has that major version of PostgreSQL. */
const SUITES = { '13': 'bullseye', '15': 'bookworm', '17': 'trixie' } as const
/** The Debian release of all other images. */
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
  /** What a database runs: that of PostgreSQL, or one that is built on it. */
  readonly database: Image
  /** Of a store; undefined if the lab has none. */
  readonly store: Image | undefined
  readonly runtime: Image
  readonly server: Image
  readonly loader: Image
  /** It is not a node's image: network faults are made with it. */
  readonly faults: Image
}

/** The images of a lab. Each tag is a digest of everything in the image, so an image that exists is up to date. */
export async function imagesOf(settings: Settings): Promise<Images> {
  const modules = await productionModules()
  const named = namedIn(settings)
  const baseImage = baseIn(settings)
  const base = baseImage(SUITE)
  const postgresBase = SUITES[settings.postgres] === SUITE ? base : baseImage(SUITES[settings.postgres])
  const runtime = await image(named, 'runtime', base, modules, ['package-lock.json'])
  const major = { MAJOR: settings.postgres }
  const postgres = await image(named, 'postgres', postgresBase, [MIGRATIONS], [MIGRATIONS], major)
  const managed = MANAGERS[settings.manager]
  const [database, store, server, loader, faults] = await Promise.all([
    managed.image === postgres.name ? postgres : image(named, managed.image, postgres, [], [], major),
    managed.stores.length > 0 ? image(named, 'etcd', base) : undefined,
    image(named, 'server', runtime, ['proto', 'server']),
    image(named, 'loader', base),
    faultsImage(settings),
  ])
  return { bases: [...new Set([base, postgresBase])], postgres, database, store, runtime, server, loader, faults }
}

const namedIn = (settings: Settings) => (name: string, version: string) => `${settings.images}/${name}:${version}`
const baseIn =
  (settings: Settings) =>
  (suite: string): Image => ({ name: 'base', tag: namedIn(settings)('base', suite) })

/** The image that network faults are made with. */
export const faultsImage = (settings: Settings): Promise<Image> =>
  image(namedIn(settings), 'faults', baseIn(settings)(SUITE))

/** All images of a lab. An image comes after the image that it is built on. */
export const allImages = ({ bases, postgres, database, store, ...rest }: Images): readonly Image[] => [
  ...bases,
  ...new Set([postgres, database]),
  ...(store === undefined ? [] : [store]),
  rest.runtime,
  rest.server,
  rest.loader,
  rest.faults,
]

/** The image that a node runs. */
export function imageOf(images: Images, node: AnyNode): Image {
  const found = node.kind === 'database' && !node.managed ? images.postgres : images[node.kind]
  if (found === undefined) throw new Error(`a lab without an image for ${node.name}`)
  return found
}

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

/** The pinned Node, without its headers. */
const NODE_BINARY = ['node_modules/.bin/node', `node_modules/node-linux-${process.arch}/bin/node`]

/** What the servers need: Node, and all of package-lock.json that is neither optional nor for development. */
async function productionModules(): Promise<readonly string[]> {
  const lock: { packages: Record<string, { dev?: boolean; optional?: boolean }> } = JSON.parse(
    await readFile(join(ROOT, 'package-lock.json'), 'utf8'),
  )
  const wanted = Object.entries(lock.packages).filter(
    // A folder includes all below it, so only the outermost folders are listed.
    ([path, { dev, optional }]) => path.lastIndexOf('node_modules/') === 0 && !dev && !optional,
  )
  return ['package.json', ...NODE_BINARY, ...wanted.map(([path]) => path)]
}

type Described = { readonly Id: string; readonly Config: { readonly Labels?: Readonly<Record<string, string>> | null } }

const describedImage = (tag: string): Promise<Described | undefined> => described<Described>(`/images/${tag}/json`)

/** Whether the engine has this image. Another image that somebody gave its tag to does not count. */
export async function hasImage({ tag, build }: Image): Promise<boolean> {
  const found = await describedImage(tag)
  return found !== undefined && (build === undefined || found.Config.Labels?.[TAG_LABEL] === tag)
}

/** The id of the image that has this tag now; undefined if there is none. */
export const idOf = async (tag: string): Promise<string | undefined> => (await describedImage(tag))?.Id

/** Makes an image that is missing. The output of the build is shown only if it fails. */
export async function makeImage(tell: Tell, image: Image, patience: number, mirror?: string): Promise<void> {
  // Loaded only here: most verbs build nothing.
  const [{ makeBaseImage }, { startRelay }] = await Promise.all([
    import('./base-image.ts'),
    import('../../../vm/network/relay.ts'),
  ])
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
    // The build uses the machine's network, so that it reaches a proxy or a resolver on the loopback.
    '--network',
    'host',
    '-f',
    dockerfile,
    '-t',
    image.tag,
    '--label',
    MINE,
    '--label',
    `${TAG_LABEL}=${image.tag}`,
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
    // Debian's engine may lack BuildKit's plugin. With or without it the output is plain, so that a failing step can be shown.
    env: environment({ BUILDKIT_PROGRESS: 'plain', ...relay?.environment }),
  })`tar -c ${PACKED} ${context} | docker ${build}`
  interruption.signal.throwIfAborted()
  if (result.exitCode === 0) return
  const unanswered = relay?.unanswered()
  if (unanswered) throw labError('MIRROR', unanswered)
  throw buildFailed(image.tag, failingStep(withoutPasswords(result.stdall)))
}

/** The engine keeps these out of the image and its history. Only names are given: a value may contain a password. */
const proxyArguments = (environment: NodeJS.ProcessEnv): readonly string[] =>
  PROXY_VARIABLES.filter((name) => environment[name]).flatMap((name) => ['--build-arg', name])

/** Causes of a failed build, by its last lines; the first that fits counts. */
const CAUSES: readonly (readonly [RegExp, string])[] = [
  [/no space left on device/i, 'free some space (docker system df shows what the engine uses), then run setup again'],
  [
    /pull access denied|manifest unknown|failed to resolve source metadata|Get "https?:[^"]*\/v2\/"/i,
    'the image that it is built on is missing: run setup again, it makes that image first',
  ],
  [
    /could not resolve|temporary failure resolving|failed to fetch|unable to (connect|fetch|locate package)|connection (timed out|refused|reset)|certificate verif/i,
    'the package archive cannot be reached or lacks a package: repair that and run setup again; finished images stay',
  ],
  [
    /tar: .*(cannot (stat|open)|no such file)|(copy|add) failed|not found in build context|failed to compute cache key/i,
    'files of this checkout are missing or cannot be read: run npm ci and look at git status, then run setup again',
  ],
]

/** The error for an image that could not be built, with a fix that fits the output. */
export const buildFailed = (image: string, output: string) =>
  labError('BUILD_FAILED', {
    image,
    output,
    remedy:
      CAUSES.find(([says]) => says.test(output))?.[1] ??
      'read the lines above and repair the step that failed, then run setup again; finished images stay',
  })

/** The output of the last step, at most 40 lines. */
export function failingStep(output: string): string {
  const lines = output.trimEnd().split('\n')
  const step = lines.findLastIndex((line) => /^(Step \d+\/\d+ :|#\d+ \[)/.test(line))
  const tail = lines.slice(Math.max(step, 0))
  return tail.length <= 40 ? tail.join('\n') : [tail[0], '…', ...tail.slice(-38)].join('\n')
}

type Built = { readonly RepoTags: readonly string[] | null }

/** Removes older builds of this checkout's images, except those that some container still runs. */
export async function removeSuperseded(tell: Tell, images: Images): Promise<void> {
  const current = allImages(images).filter(({ build }) => build !== undefined)
  const filters = encodeURIComponent(JSON.stringify({ label: [MINE] }))
  const built = (await described<readonly Built[]>(`/images/json?filters=${filters}`)) ?? []
  const tags = built.flatMap(({ RepoTags }) => RepoTags ?? [])
  for (const { tag } of current) {
    const kin = tag.slice(0, -12)
    for (const old of tags.filter((other) => other !== tag && other.startsWith(kin) && other.length === tag.length)) {
      // If another lab uses it, the engine refuses and the image stays.
      if ((await attempt(['image', 'rm', old])).exit === 0) tell(`docker image rm ${old}`)
    }
  }
}

/** Removes all images of the project in every version, base images included. */
export async function removeImages(tell: Tell, images: string): Promise<void> {
  const tags = await look(['image', 'ls', '--filter', `reference=${images}/*`, '--format', '{{.Repository}}:{{.Tag}}'])
  if (tags !== '') await act(tell, ['image', 'rm', ...tags.split('\n')])
}
