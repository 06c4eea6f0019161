// Characters that are invisible, or that change the order or place of others; a terminal obeys some of them. Characters
// that are part of an emoji are not among them.
const UNSEEN =
  /(?<![\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f])\u200d|\u200d(?!\p{Extended_Pictographic})|[[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]--[\u200d\ufe00-\ufe0f]]/gv

const escaped = (character: string): string => {
  const code = character.codePointAt(0) ?? 0
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`
}

/** Text from outside, safe to show on one line: control characters and invisible ones are written like `\u001b`. */
export const visible = (text: string): string => text.replace(UNSEEN, escaped)

/** The same for text of several lines: line breaks stay. */
export const visibleLines = (text: string): string =>
  text
    .replaceAll('\r\n', '\n')
    .replace(UNSEEN, (character) => (/[\n\t]/.test(character) ? character : escaped(character)))

/** Characters of a word that a message repeats. */
const MOST_REPEATED = 100

/** A word that somebody typed, for a message: an empty word gets quotes, and a long word is cut. */
export function repeated(word: string): string {
  if (word.trim() === '') return `'${word.slice(0, MOST_REPEATED)}'`
  return word.length <= MOST_REPEATED ? word : `${word.slice(0, MOST_REPEATED)}…`
}

/** JSON with maps as objects that keep their order: a plain object would put keys that are whole numbers first. */
function inOrder(value: unknown, indent?: number): string {
  // With a NUL in front no key looks like a whole number. The NUL is removed from the text.
  const marked = (keys: Iterable<readonly [string, unknown]>) =>
    Object.fromEntries([...keys].map(([key, value]) => [`\0${key}`, value]))
  const replacer = (_: string, it: unknown) =>
    it === null || typeof it !== 'object' || Array.isArray(it)
      ? it
      : marked(it instanceof Map ? it : Object.entries(it))
  return JSON.stringify(value, replacer, indent).replace(/"(?:[^"\\]|\\.)*"(?=:)/g, (key) => key.replace('\\u0000', ''))
}

/** JSON that is safe on a terminal. It means the same as the JSON of `JSON.stringify`, and maps are objects. */
export const asJson = (value: unknown, indent?: number): string =>
  inOrder(value, indent).replace(UNSEEN, (character) =>
    character === '\n'
      ? character
      : [...Array(character.length).keys()]
          .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`)
          .join(''),
  )

// Made when it is needed: that takes as long as loading all of a small verb.
let graphemes: Intl.Segmenter | undefined
// East Asian wide and full-width characters, and emoji.
const WIDE =
  /[\u1100-\u115e\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/v

/** Columns that visible text takes on a terminal. */
export function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length
  graphemes ??= new Intl.Segmenter('en', { granularity: 'grapheme' })
  return [...graphemes.segment(text)].reduce((sum, { segment }) => sum + (WIDE.test(segment) ? 2 : 1), 0)
}

/** Visible text, filled up with spaces to that many columns. */
export const padded = (text: string, columns: number): string => text + ' '.repeat(Math.max(0, columns - widthOf(text)))
