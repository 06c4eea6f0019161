import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { homeFolder } from '../user.ts'
import { writePrivately } from './private-files.ts'

/** Where psql looks for passwords; undefined where it has no place to look. */
function pgpassFile(): string | undefined {
  const home = homeFolder()
  return process.env['PGPASSFILE'] || (home && join(home, '.pgpass'))
}

/**
 * Lets `psql -h localhost -p port -U owner polling` in without typing a password; other lines stay as they are. It is a
 * help and no more: a file that cannot be written, or that psql would not read, stays as it is.
 */
export const rememberPassword = (port: number, password: string): Promise<void> =>
  rewrite(port, `localhost:${port}:polling:owner:${password}\n127.0.0.1:${port}:polling:owner:${password}\n`)

/** Takes the lab's lines out of the password file again. */
export const forgetPassword = (port: number): Promise<void> => rewrite(port, '')

async function rewrite(port: number, lines: string): Promise<void> {
  const file = pgpassFile()
  if (file === undefined || (await unfit(file)) !== undefined) return
  const before = await readFile(file, 'utf8').catch(() => '')
  // Ours first: psql takes the first line that fits, and another may fit every database.
  const after = lines + others(before, port)
  // A folder that cannot be written to leaves the file as it is, too.
  if (after !== before) await writePrivately(file, after).catch(() => {})
}

const others = (text: string, port: number): string =>
  text
    .split(/(?<=\n)/)
    .filter((line) => !ours(port).test(line))
    .join('')

const ours = (port: number) => new RegExp(`^(localhost|127\\.0\\.0\\.1):${port}:polling:owner:`)

/** Why psql would not read a password file, or we must not write it; undefined where both are fine. */
async function unfit(file: string): Promise<string | undefined> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => error)
  if (found instanceof Error) return found.code === 'ENOENT' ? undefined : `${file} cannot be read (${found.code})`
  if (!found.isFile()) return `${file} is not a file`
  if ((found.mode & 0o077) !== 0) return `psql ignores ${file} because others may read it: chmod 600 ${file}`
  return (found.mode & 0o200) === 0 ? `${file} is read-only` : undefined
}

/** Why psql will ask for the password of the lab on that port; undefined where it finds it. */
export async function whyPsqlAsks(port: number): Promise<string | undefined> {
  const file = pgpassFile()
  if (file === undefined) return 'this user has no home folder'
  const text = await readFile(file, 'utf8').catch(() => '')
  const why = await unfit(file)
  if (text.split('\n').some((line) => ours(port).test(line))) return why?.startsWith('psql ignores') ? why : undefined
  return why ?? `${file} cannot be written`
}
