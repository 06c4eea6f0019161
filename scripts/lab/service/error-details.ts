import type { ServiceError } from '@grpc/grpc-js'

/** The message of a failed call, without the client library's notes on how the time was spent. */
export const detailsOf = ({ details }: Pick<ServiceError, 'details'>): string =>
  details
    .replace(/^(Deadline exceeded after [\d.]+s),.*$/s, '$1')
    .replace(/\.?\s*Resolution note:\s*$/, '')
    .trim()
