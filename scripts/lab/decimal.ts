const DECIMAL = /^-?(0|[1-9]\d*)(\.\d+)?$/

/** The number in a text, as people write numbers; NaN for 0x10, 1e3, 007, white space or an empty text. */
export const decimal = (text: string): number => (DECIMAL.test(text) ? Number(text) : Number.NaN)
