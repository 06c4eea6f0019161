import { InvalidArgumentError, Option } from 'commander'
import type { FaultOptions } from './kind.ts'

const from = (low: number, high: number, unit: string) => (text: string) => {
  const value = Number(text)
  if (text.trim() === '' || !(value >= low && value <= high))
    throw new InvalidArgumentError(`It must be from ${low} to ${high} ${unit}.`)
  return value
}

/** How long a fault may be asked for. */
export const seconds = from(0.1, 86_400, 'seconds')

const whole = (low: number, high: number, unit: string) => (text: string) => {
  const value = from(low, high, unit)(text)
  if (!Number.isInteger(value)) throw new InvalidArgumentError('It must be a whole number.')
  return value
}

/** An option of faults, as the command line takes it. */
export const faultOption = (name: keyof FaultOptions): Option => OPTIONS[name]()

const OPTIONS: { readonly [name in keyof Required<FaultOptions>]: () => Option } = {
  only: () =>
    new Option('--only <way>', 'one way only, as the node sees it (default: both ways)').choices(['in', 'out']),
  host: () => new Option('--host', 'this machine and its clients too, who come through the published port'),
  rate: () =>
    new Option('--rate <kbit>', 'kbit/s to each peer (default: 1000, unlimited with --delay or --loss)').argParser(
      whole(8, 9_999_999, 'kbit/s'),
    ),
  delay: () =>
    new Option('--delay <ms>', 'each packet so much later; needs netem').argParser(whole(1, 60_000, 'milliseconds')),
  loss: () => new Option('--loss <percent>', 'so many packets lost; needs netem').argParser(from(0.01, 100, 'percent')),
  fill: () =>
    new Option('--fill <MiB>', 'write so much WAL, so that something piles up').argParser(whole(1, 2048, 'MiB')),
}
