import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { finished } from 'node:stream/promises'
import type { z } from 'zod'
import { labError } from './errors.ts'

/** A file of JSON lines that grows. */
export type Lines<T> = { readonly append: (item: T) => void; readonly close: () => Promise<void> }

/** Opens a file for JSON lines, one for each item, in the order in which they are appended. */
export function openLines<T>(file: string): Lines<T> {
  const stream = createWriteStream(file)
  return {
    append: (item) => void stream.write(`${JSON.stringify(item)}\n`),
    close: () => {
      stream.end()
      return finished(stream)
    },
  }
}

/** Reads such a file. If a line is wrong, for example because the file is incomplete, the error names the line. */
export async function readLines<Schema extends z.ZodType>(file: string, schema: Schema): Promise<z.infer<Schema>[]> {
  const lines = (await readFile(file, 'utf8')).split('\n')
  const last = lines.pop()
  if (last !== '') throw labError('RECORD_BROKEN', { file, problem: 'its last line has no end' })
  return lines.map((line, index) => parseRecord(file, line, schema, `line ${index + 1}`))
}

/** Reads JSON of a record. Anything that the schema does not allow is an error. */
export function parseRecord<Schema extends z.ZodType>(
  file: string,
  text: string,
  schema: Schema,
  where = 'it',
): z.infer<Schema> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw labError('RECORD_BROKEN', { file, problem: `${where} is no JSON` })
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw labError('RECORD_BROKEN', { file, problem: `${where}: ${issue?.path.join('.')} ${issue?.message}` })
}
