import { InvalidArgumentError, Option } from 'commander'
import type { FaultOption, NumberRange } from '../faults/kind.ts'
import { decimal } from '../numbers.ts'

/** Reads a number of that range from an argument. */
const numberIn =
  ({ from, to, unit, whole = false }: NumberRange) =>
  (text: string): number => {
    const value = decimal(text)
    if (!(value >= from && value <= to)) throw new InvalidArgumentError(`It must be from ${from} to ${to} ${unit}.`)
    if (whole && !Number.isInteger(value)) throw new InvalidArgumentError('It must be a whole number.')
    return value
  }

/** How long a fault may last. */
export const seconds = numberIn({ from: 0.1, to: 86_400, unit: 'seconds' })

/** A kind's option, as the command line takes it. */
export function commandOption(name: string, { value, says, takes }: FaultOption): Option {
  const option = new Option(value === undefined ? `--${name}` : `--${name} <${value}>`, says)
  if (takes === undefined) return option
  return 'from' in takes ? option.argParser(numberIn(takes)) : option.choices(takes)
}
