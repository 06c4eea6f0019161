import type { Run } from '../step.ts'
import type { DescribedImage } from '../system/describe-images.ts'

/** One file of the box: its path, and all that must be equal in another build. Tab-separated, sorted by path. */
export type Manifest = ReadonlyMap<string, string>

/** Folders of the engine's own book-keeping: files of images are listed by image instead. */
const ENGINE = ['var/lib/docker', 'var/lib/containerd']

/** Lists every file below `root`: kind, mode, owner, size and SHA-256, or the target of a link. Needs root. */
export async function listFiles(run: Run, root: string, images: readonly DescribedImage[]): Promise<Manifest> {
  const own = await list(run, root, ENGINE)
  const entries = [...own]
  for (const [layer, name] of layerNames(images))
    for (const [path, rest] of await list(run, `${root}/var/lib/docker/overlay2/${layer}/diff`))
      entries.push([`${name}:/${path}`, rest])
  return new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Names each layer by the first image that has it and its place there: such names are the same in every build. */
export function layerNames(images: readonly DescribedImage[]): Map<string, string> {
  const names = new Map<string, string>()
  // Images that others are built on have fewer layers, so they come first.
  for (const { name, layers } of [...images].sort((a, b) => a.layers.length - b.layers.length))
    for (const [index, layer] of layers.entries())
      if (!names.has(layer)) names.set(layer, `image ${name} layer ${index + 1}`)
  return names
}

async function list(run: Run, folder: string, without: readonly string[] = []): Promise<[string, string][]> {
  const pruned = without.flatMap((path) => ['-path', `${folder}/${path}`, '-prune', '-o'])
  // %P is last, because only it may contain any character.
  const found = await run`find ${folder} -xdev -mindepth 1 ${pruned} -printf ${'%y\\t%m\\t%U:%G\\t%s\\t%l\\t%P\\0'}`
  const sums = await run`find ${folder} -xdev ${pruned} -type f -exec sha256sum --zero {} +`
  const digests = new Map(
    sums.stdout.split('\0').map((line) => [line.slice(64 + 2 + folder.length + 1), line.slice(0, 64)]),
  )
  return found.stdout
    .split('\0')
    .filter((line) => line !== '')
    .map((line) => {
      const [kind = '', mode, owner, size, target, ...path] = line.split('\t')
      const name = path.join('\t')
      // A folder's size only says how many files it once had.
      const content = kind === 'f' ? `${size}\t${digests.get(name)}` : kind === 'l' ? `->\t${target}` : '-\t-'
      return [name, [kind, mode, owner, content].join('\t')]
    })
}

/** The manifest as text, a line a file. */
export const manifestText = (manifest: Manifest): string =>
  [...manifest].map(([path, rest]) => `${JSON.stringify(path)}\t${rest}\n`).join('')

/** Reads what `manifestText` wrote. */
export const parseManifest = (text: string): Manifest =>
  new Map(
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const end = line.indexOf('"\t')
        return [String(JSON.parse(line.slice(0, end + 1))), line.slice(end + 2)]
      }),
  )
