/** A number of bytes in the largest fitting unit. */
export function bytes(count: number): string {
  const unit = ['B', 'KiB', 'MiB', 'GiB'].findLast((_, power) => count >= 1024 ** power) ?? 'B'
  const value = count / 1024 ** ['B', 'KiB', 'MiB', 'GiB'].indexOf(unit)
  return `${unit === 'B' ? value : value.toFixed(1)} ${unit}`
}
