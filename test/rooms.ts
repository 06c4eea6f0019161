import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

const ROOT = join(import.meta.dirname, '..')

/** One file's import of another, paths from the project's root. */
export type Import = {
  readonly from: string
  readonly to: string
  /** Does it take types only, so that nothing of the other file runs? */
  readonly types: boolean
}

const IMPORT =
  /^(?:import|export)(?<types> type)? (?<names>[^'"]*?)from\s+'(?<static>\.[^']+)'|(?:import\(\s*|^import\s+)'(?<other>\.[^']+)'|^require_relative '(?<ruby>[^']+)'/gm

/** Every import of one of the project's files in TypeScript or Ruby by another, but those of tests. */
export function allImports(): readonly Import[] {
  const files = globSync(['{scripts,server,vm,proto,exercises}/**/*.ts', 'vm/**/*.rb', 'Vagrantfile'], { cwd: ROOT })
  return files.flatMap((from) =>
    [...readFileSync(join(ROOT, from), 'utf8').matchAll(IMPORT)].map(({ groups = {} }) => {
      const names = (groups['names'] ?? '').replace(/[{}]/g, '').split(',')
      const named = groups['names']?.startsWith('{') === true
      const path = groups['static'] ?? groups['other'] ?? `${groups['ruby']}.rb`
      const to = relative(ROOT, join(ROOT, dirname(from), path))
      const types = groups['types'] !== undefined || (named && names.every((name) => /^\s*(type |$)/.test(name)))
      return { from, to, types }
    }),
  )
}

/** Files that import each other in a circle, as it runs: a file, what it imports, … and the first again. */
export function circlesIn(imports: readonly Import[]): readonly (readonly string[])[] {
  const next = Map.groupBy(imports, ({ from }) => from)
  const done = new Set<string>()
  const circles: string[][] = []
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file)
    if (at >= 0) circles.push([...path.slice(at), file])
    if (at >= 0 || done.has(file)) return
    for (const { to } of next.get(file) ?? []) visit(to, [...path, file])
    done.add(file)
  }
  for (const file of next.keys()) visit(file, [])
  return circles
}
