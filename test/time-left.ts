/** Whether it is too late to begin a test. TESTS_BEGIN_BY says when that is, in seconds since 1970; without it, never. */
export const noTimeLeft = (): boolean =>
  Date.now() / 1000 > Number(process.env['TESTS_BEGIN_BY'] || Number.POSITIVE_INFINITY)
