const DECIMAL = /^-?(0|[1-9]\d*)(\.\d+)?$/

/** The number that a text is as people write it; NaN for 0x10, 1e3, 007, white space or nothing. */
export const decimal = (text: string): number => (DECIMAL.test(text) ? Number(text) : Number.NaN)
