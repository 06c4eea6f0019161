import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { writePrivately } from './private-file.ts'

const pgpassFile = (): string => process.env['PGPASSFILE'] || join(homedir(), '.pgpass')

/** Lets `psql -h localhost -p port -U owner polling` in without typing a password; other lines stay as they are. */
export const rememberPassword = (port: number, password: string): Promise<void> =>
  rewrite(port, [`localhost:${port}:polling:owner:${password}`, `127.0.0.1:${port}:polling:owner:${password}`])

/** Takes the lab's lines out of the password file again. */
export const forgetPassword = (port: number): Promise<void> => rewrite(port, [])

async function rewrite(port: number, lines: readonly string[]): Promise<void> {
  const file = pgpassFile()
  const before = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const ours = new RegExp(`^(localhost|127\\.0\\.0\\.1):${port}:polling:owner:`)
  const kept = before.split('\n').filter((line) => line !== '' && !ours.test(line))
  const after = [...kept, ...lines].map((line) => `${line}\n`).join('')
  if (after !== before) await writePrivately(file, after)
}
