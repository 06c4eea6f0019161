import type { ServiceError } from '@grpc/grpc-js'

/** What a failed call says of itself, without the client library's own notes on where the time went. */
export const detailsOf = ({ details }: Pick<ServiceError, 'details'>): string =>
  details
    .replace(/^(Deadline exceeded after [\d.]+s),.*$/s, '$1')
    .replace(/\.?\s*Resolution note:\s*$/, '')
    .trim()
