import { ERRORS, type ErrorCode } from './error-table.ts'
import { visibleLines } from './visible.ts'

/** A row of the table of errors. `fixIn`: by verb, the fix for users who ran that verb, if it has an option for it. */
type Row = { readonly says: string; readonly fix: string; readonly fixIn?: Readonly<Record<string, string>> }

/** An error with a code of the table: `message` is its first line, `details` its other lines, `fix` what to do next. */
export class LabError extends Error {
  readonly code: ErrorCode
  readonly details: string
  readonly fix: string
  readonly #fixIn: Readonly<Record<string, string>>

  constructor(code: ErrorCode, { says, fix, fixIn = {} }: Row) {
    const [message = '', ...details] = says.split('\n')
    super(message)
    this.name = 'LabError'
    this.code = code
    this.details = details.join('\n')
    this.fix = fix
    this.#fixIn = fixIn
  }

  /** What somebody who ran that verb does next. */
  fixIn(verb: string): string {
    return this.#fixIn[verb] ?? this.fix
  }
}

type Blanks<Text> = Text extends `${string}{${infer Blank}}${infer Rest}` ? Blank | Blanks<Rest> : never
type FixesIn<It> = It extends { fixIn: infer Fixes } ? Fixes[keyof Fixes] : never
type Table = typeof ERRORS
type Facts<It extends Row> = Record<Blanks<It['says']> | Blanks<It['fix']> | Blanks<FixesIn<It>>, string | number>

/** The error of that code, made safe to show. The compiler asks for every fact that its texts have a blank for. */
export const labError = <Code extends ErrorCode>(
  code: Code,
  ...[facts]: keyof Facts<Table[Code]> extends never ? [] : [Facts<Table[Code]>]
): LabError => {
  const fill = (text: string) =>
    text.replace(/\{(\w+)\}/g, (blank, name: string) =>
      visibleLines(String((facts as Record<string, unknown>)?.[name] ?? blank)),
    )
  const { says, fix, fixIn = {} }: Row = ERRORS[code]
  const filled = Object.entries(fixIn).map(([verb, text]) => [verb, fill(text)])
  return new LabError(code, { says: fill(says), fix: fill(fix), fixIn: Object.fromEntries(filled) })
}
