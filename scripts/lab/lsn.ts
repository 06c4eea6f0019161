/** Bytes of WAL up to an LSN such as `0/3000148`. */
export function bytesOf(lsn: string): bigint {
  const [high = '0', low = '0'] = lsn.split('/')
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`)
}

/** A position in the WAL as PostgreSQL writes it. */
export const lsnOf = (bytes: bigint): string =>
  `${(bytes >> 32n).toString(16)}/${(bytes & 0xffffffffn).toString(16)}`.toUpperCase()
