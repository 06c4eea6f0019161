import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { homeFolder } from '../user.ts'
import { writePrivately } from './private-files.ts'

/** Where psql connects to a lab: the names of the host, and the port. */
export type Place = { readonly hosts: readonly string[]; readonly port: number }

/** The file in which psql looks for passwords; undefined if it has none. */
function pgpassFile(): string | undefined {
  const home = homeFolder()
  return process.env['PGPASSFILE'] || (home && join(home, '.pgpass'))
}

/**
 * Lets `psql -h host -p port -U owner polling` in without typing a password; other lines stay as they are. It is
 * only a convenience: a file that cannot be written, or that psql would not read, stays as it is.
 */
export const rememberPassword = (place: Place, password: string): Promise<void> =>
  rewrite(place, place.hosts.map((host) => `${host}:${place.port}:polling:owner:${password}\n`).join(''))

/** Takes the lab's lines out of the password file again. */
export const forgetPassword = (place: Place): Promise<void> => rewrite(place, '')

async function rewrite(place: Place, lines: string): Promise<void> {
  const file = pgpassFile()
  if (file === undefined || (await unfit(file)) !== undefined) return
  const before = await readFile(file, 'utf8').catch(() => '')
  // Our lines come first: psql takes the first line that fits, and another line may fit every database.
  const after = lines + others(before, place)
  // A folder that cannot be written to leaves the file as it is, too.
  if (after !== before) await writePrivately(file, after).catch(() => {})
}

const others = (text: string, place: Place): string =>
  text
    .split(/(?<=\n)/)
    .filter((line) => !ours(place).test(line))
    .join('')

const ours = ({ hosts, port }: Place) =>
  new RegExp(`^(${hosts.map((host) => RegExp.escape(host)).join('|')}):${port}:polling:owner:`)

/** Why psql ignores a password file, or why we must not write it; undefined if both work. */
async function unfit(file: string): Promise<string | undefined> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => error)
  if (found instanceof Error) return found.code === 'ENOENT' ? undefined : `${file} cannot be read (${found.code})`
  if (!found.isFile()) return `${file} is not a file`
  if ((found.mode & 0o077) !== 0) return `psql ignores ${file} because others may read it: chmod 600 ${file}`
  return (found.mode & 0o200) === 0 ? `${file} is read-only` : undefined
}

/** Why psql will ask for the password of the lab at that place; undefined if psql finds it. */
export async function whyPsqlAsks(place: Place): Promise<string | undefined> {
  const file = pgpassFile()
  if (file === undefined) return 'this user has no home folder'
  const text = await readFile(file, 'utf8').catch(() => '')
  const why = await unfit(file)
  if (text.split('\n').some((line) => ours(place).test(line))) return why?.startsWith('psql ignores') ? why : undefined
  return why ?? `${file} cannot be written`
}
