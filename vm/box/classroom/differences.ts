import type { Manifest } from './manifest.ts'

/** Files that may differ between two builds of the same box, and why; paths as in the manifest. */
export const EXPLAINED: readonly { readonly files: RegExp; readonly why: string }[] = [
  {
    files: /^image postgres layer \d+:\/usr\/local\/share\/failover-lab\/prepared\.tar$/,
    why: 'initdb gives every PostgreSQL cluster an identifier of its own',
  },
  {
    files: /^boot\/extlinux\/ldlinux\.sys$/,
    why: 'the boot loader contains the places of its own blocks on the disk',
  },
  {
    files: /^(image server layer \d+:\/app\/compiled|home\/vagrant\/\.cache\/node)\//,
    why: 'V8 does not compile the same code to the same bytes twice',
  },
]

/** A file that differs between two builds; `why` is undefined if there is no known reason. */
export type Difference = {
  readonly path: string
  readonly one: string | undefined
  readonly other: string | undefined
  readonly why: string | undefined
}

/** What differs between the files of two boxes. */
export const differencesOf = (one: Manifest, other: Manifest): readonly Difference[] =>
  [...new Set([...one.keys(), ...other.keys()])]
    .filter((path) => one.get(path) !== other.get(path))
    .map((path) => ({
      path,
      one: one.get(path),
      other: other.get(path),
      why: EXPLAINED.find(({ files }) => files.test(path))?.why,
    }))

/** The result of a comparison as a text for people, and the number of differences without a known reason. */
export function comparisonText(
  one: Manifest,
  other: Manifest,
  differences: readonly Difference[],
): { text: string; unexplained: number } {
  const reasons = Map.groupBy(differences, ({ why }) => why)
  const unexplained = reasons.get(undefined) ?? []
  const lines = [
    `${one.size} and ${other.size} files, ${differences.length} of them differ`,
    ...[...reasons].flatMap(([why, found]) =>
      why === undefined ? [] : [`  ${why}:`, ...shortened(found).map((line) => `    ${line}`)],
    ),
    ...unexplained.flatMap(({ path, one, other }) => [`✗ ${path}`, `    ${one ?? 'none'}`, `    ${other ?? 'none'}`]),
    unexplained.length === 0
      ? '✓ every difference has a known reason'
      : `✗ ${unexplained.length} without a known reason`,
  ]
  return { text: `${lines.join('\n')}\n`, unexplained: unexplained.length }
}

/** At most this many files are named for each reason: there are a thousand files of compiled code. */
const NAMED = 5

const shortened = (found: readonly Difference[]): string[] => [
  ...found.slice(0, NAMED).map(({ path }) => path),
  ...(found.length > NAMED ? [`and ${found.length - NAMED} more`] : []),
]
