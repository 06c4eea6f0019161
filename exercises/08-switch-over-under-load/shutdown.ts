/**
 * How the last time as a primary ended that a database's log shows: undefined if it goes on. Only what it logged as a
 * primary counts. A standby that was rewound or copied says at its first start that it "was interrupted", and so it was: by
 * the rewind.
 */
export function endAsPrimary(log: string): 'clean' | 'killed' | undefined {
  const starts = log.split(/(?=^.*starting PostgreSQL )/m)
  const asStandby = starts.findIndex((start) => start.includes('entering standby mode'))
  const asPrimary = (asStandby === -1 ? starts : starts.slice(0, asStandby)).join('')
  if (/was interrupted|not properly shut down/.test(asPrimary)) return 'killed'
  const down = asPrimary.lastIndexOf('database system is shut down')
  if (down > asPrimary.lastIndexOf('database system is ready to accept connections')) return 'clean'
  return asStandby === -1 ? undefined : 'killed'
}
