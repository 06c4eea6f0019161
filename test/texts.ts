// Texts as the contract takes them, and as it does not: made by its rules, so that no property is tried with a wrong one.
import fc from 'fast-check'

/** Characters that cannot be seen, of every kind that there is; without NUL. */
const INVISIBLE = [
  ...' \t\n\v\f\r\x01\x1b\x7f\x85\u00a0\u00ad\u034f\u061c\u115f\u1680\u180e\u2000\u200b\u200d\u200e\u2028\u2029\u202e\u202f',
  ...'\u205f\u2060\u2800\u3000\u3164\ufe0f\ufeff\uffa0\u{e0020}',
]

const bytes = (text: string) => Buffer.byteLength(text)
const within = (maxBytes: number) => (text: string) => !text.includes('\0') && bytes(text) <= maxBytes

/** A text that a question, an option or a userID can be: at least one visible character, and anything around it. */
export function visibleText(maxBytes: number): fc.Arbitrary<string> {
  const around = fc.string({ unit: 'grapheme', maxLength: maxBytes }).map((text) => text.replaceAll('\0', ''))
  const visible = fc.constantFrom('a', 'Z', '7', '?', 'é', '日', '👍')
  const invisible = fc.array(fc.constantFrom(...INVISIBLE), { maxLength: 3 }).map((some) => some.join(''))
  return fc
    .tuple(fc.oneof(invisible, around), visible, fc.oneof(invisible, around))
    .map((parts) => parts.join(''))
    .filter(within(maxBytes))
}

/** A text with nothing to be seen, of at least one character. */
export function blankText(maxBytes: number): fc.Arbitrary<string> {
  return fc
    .array(fc.constantFrom(...INVISIBLE), { minLength: 1, maxLength: 20 })
    .map((some) => some.join(''))
    .filter(within(maxBytes))
}

/** Bytes that are no UTF-8, shorter than 60. */
export const noUtf8: fc.Arbitrary<Buffer> = fc
  .tuple(
    fc.stringMatching(/^[a-z]{0,20}$/),
    fc.constantFrom('ff', 'c0af', 'e282', 'eda080', 'f4908080', '80', 'c3'),
    fc.stringMatching(/^[a-z]{0,20}$/),
  )
  .map(([before, wrong, after]) => Buffer.concat([Buffer.from(before), Buffer.from(wrong, 'hex'), Buffer.from(after)]))
