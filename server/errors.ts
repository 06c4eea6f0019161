import { status } from '@grpc/grpc-js'

/** What a client may conclude. `definite`: nothing was written. `indefinite`: it may have been written. */
export type Certainty = 'definite' | 'indefinite'

/** `with-key`: a repeated write is safe only if the service recognises it: by its key, or a vote by its user and poll. */
export type Retry = 'yes' | 'no' | 'with-key'

type CatalogueEntry = {
  code: status
  cause: string
  certainty: Certainty
  retry: Retry
  fix: string
}

/** Every error that the service answers with. */
export const CATALOGUE = {
  INVALID_FIELD: {
    code: status.INVALID_ARGUMENT,
    cause: 'A field of the request, or a value in its metadata, is missing, malformed or over its documented size.',
    certainty: 'definite',
    retry: 'no',
    fix: 'Correct the field that the message names.',
  },
  METADATA_TOO_LARGE: {
    code: status.RESOURCE_EXHAUSTED,
    cause: 'The call has more metadata than the contract allows.',
    certainty: 'definite',
    retry: 'no',
    fix: 'Send less metadata: the limits are in polling.proto.',
  },
  UNKNOWN_METHOD: {
    code: status.UNIMPLEMENTED,
    cause: 'The path of the call does not name a service and a method.',
    certainty: 'definite',
    retry: 'no',
    fix: 'Correct the name: /package.Service/Method.',
  },
  KEY_REUSED: {
    code: status.ALREADY_EXISTS,
    cause: 'This idempotency key was used for another vote or poll already.',
    certainty: 'definite',
    retry: 'no',
    fix: 'Use a new key for every vote and every poll. Use the same key only to repeat the same call.',
  },
  HISTORY_LOST: {
    code: status.DATA_LOSS,
    cause: 'A failover or a restore lost the write that the consistency token belongs to.',
    certainty: 'definite',
    retry: 'no',
    fix: 'Read without the token to see what is left. If the write is missing, repeat it.',
  },
  TOKEN_AHEAD: {
    code: status.OUT_OF_RANGE,
    cause: 'The primary database has not reached the position in the consistency token.',
    certainty: 'definite',
    retry: 'no',
    fix: 'Use only tokens that this service has given since its databases were last reset.',
  },
  TOKEN_NOT_REACHED: {
    code: status.UNAVAILABLE,
    cause: 'No database takes writes, and no database that answers replayed up to the consistency token in time.',
    certainty: 'definite',
    retry: 'yes',
    fix: 'Retry with backoff. Or read without the token: the answer may be older.',
  },
  SERVER_STOPPING: {
    code: status.UNAVAILABLE,
    cause: 'The server is shutting down. It has answered every batch of votes that it read; the others were not cast.',
    certainty: 'definite',
    retry: 'yes',
    fix: 'Open the stream again: follow the poll again, or send the batches that were not answered.',
  },
  VOTES_LOST: {
    code: status.DATA_LOSS,
    cause: 'A failover lost votes that the stream had shown, or somebody deleted them.',
    certainty: 'definite',
    retry: 'yes',
    fix: 'Follow again: the stream begins with what is left.',
  },
  TOO_MANY_FOLLOWERS: {
    code: status.RESOURCE_EXHAUSTED,
    cause: 'This server has as many streams that follow polls as it allows.',
    certainty: 'definite',
    retry: 'yes',
    fix: 'Retry with backoff: the other server may have room.',
  },
  POLL_NOT_FOUND: {
    code: status.NOT_FOUND,
    cause: 'No poll has this uuid. Or the poll is new, and the replica that answered does not have it yet.',
    certainty: 'definite',
    retry: 'no',
    fix: 'Check the uuid. If the poll was created a moment ago, ask again.',
  },
  NO_WRITABLE_DATABASE: {
    code: status.UNAVAILABLE,
    cause: 'No database is known to be the primary on the highest timeline seen.',
    certainty: 'definite',
    retry: 'yes',
    fix: 'Retry with backoff; an operator has to promote a standby or bring the primary back.',
  },
  NO_READABLE_DATABASE: {
    code: status.UNAVAILABLE,
    cause: 'No database answers.',
    certainty: 'definite',
    retry: 'yes',
    fix: 'Retry with backoff; an operator has to bring a database back.',
  },
  DATABASE_READ_ONLY: {
    code: status.UNAVAILABLE,
    cause:
      'The database takes no writes now. The roles are changing and it is in recovery, or somebody has made it read-only by a setting.',
    certainty: 'definite',
    retry: 'yes',
    fix: 'Retry with backoff: the service finds a new primary by itself. A setting has to be taken back by an operator.',
  },
  DATABASE_UNREACHABLE: {
    code: status.UNAVAILABLE,
    cause: 'No connection to the database could be made.',
    certainty: 'definite',
    retry: 'yes',
    fix: 'Retry with backoff.',
  },
  CONNECTION_LOST: {
    code: status.UNAVAILABLE,
    cause: 'The connection to the database ended after the write was sent and before it was acknowledged.',
    certainty: 'indefinite',
    retry: 'with-key',
    fix: 'Repeat it with the same idempotency key. A vote may be repeated without a key too: at most one is stored. Before you repeat CreatePoll without a key, look for the poll in ListPolls.',
  },
  NOT_REPLICATED: {
    code: status.UNAVAILABLE,
    cause:
      'The write is committed, but somebody ended its wait for the synchronous standby: a failover may lose the write.',
    certainty: 'indefinite',
    retry: 'with-key',
    fix: 'As for CONNECTION_LOST: the repeated call waits for the standby again.',
  },
  READ_INTERRUPTED: {
    code: status.UNAVAILABLE,
    cause:
      'The database went away while it was reading, or it cancelled the query because the query conflicted with replay.',
    certainty: 'definite',
    retry: 'yes',
    fix: 'Retry.',
  },
  WRITE_ABORTED: {
    code: status.ABORTED,
    cause: 'The database rolled the write back: it conflicted with another write, or an operator cancelled it.',
    certainty: 'definite',
    retry: 'yes',
    fix: 'Retry.',
  },
  DATABASE_EXHAUSTED: {
    code: status.RESOURCE_EXHAUSTED,
    cause: 'The database is out of connections, memory or disk.',
    certainty: 'definite',
    retry: 'yes',
    fix: 'Retry with backoff; an operator has to free some of that.',
  },
  QUEUE_FULL: {
    code: status.RESOURCE_EXHAUSTED,
    cause: 'Too many votes or calls wait for a database.',
    certainty: 'definite',
    retry: 'yes',
    fix: 'Retry with backoff.',
  },
  DEADLINE_BEFORE_SENDING: {
    code: status.DEADLINE_EXCEEDED,
    cause: 'The deadline passed while the call waited for its turn at the database.',
    certainty: 'definite',
    retry: 'yes',
    fix: 'Retry with a longer deadline.',
  },
  DEADLINE_WHILE_READING: {
    code: status.DEADLINE_EXCEEDED,
    cause: 'The deadline passed while the database was reading. The query was cancelled.',
    certainty: 'definite',
    retry: 'yes',
    fix: 'Retry with a longer deadline.',
  },
  DEADLINE_WHILE_WRITING: {
    code: status.DEADLINE_EXCEEDED,
    cause: 'The deadline passed while the database was writing. The query was cancelled, perhaps too late.',
    certainty: 'indefinite',
    retry: 'with-key',
    fix: 'As for CONNECTION_LOST, with a longer deadline.',
  },
  CANCELLED: {
    code: status.CANCELLED,
    cause: 'The client cancelled the call.',
    certainty: 'indefinite',
    retry: 'with-key',
    fix: 'As for CONNECTION_LOST.',
  },
  INTERNAL: {
    code: status.INTERNAL,
    cause: 'A defect of the service. Its log has the details under the request id.',
    certainty: 'indefinite',
    retry: 'no',
    fix: 'Report it with the request id.',
  },
} as const satisfies Record<string, CatalogueEntry>

export type FailureName = keyof typeof CATALOGUE

/** A failure as a value: its name in the catalogue, a message for the client, and the cause for the log only. */
export type Failure = { failure: FailureName; message: string; violation?: Violation; cause?: unknown }

/** The field of a request, or the value in its metadata, that is wrong, and what it must be. */
export type Violation = { field: string; description: string }

/** The result of a step of a call. */
export type Result<T> = { value: T } | Failure

/** Makes a failure; `message` reaches the client, so it must hold no internals. */
export function fail(failure: Exclude<FailureName, 'INVALID_FIELD'>, message: string, cause?: unknown): Failure {
  return { failure, message, cause }
}

/** Makes the failure of a request with a wrong field. */
export function invalidField(field: string, description: string): Failure {
  return { failure: 'INVALID_FIELD', message: `${field}: ${description}`, violation: { field, description } }
}

/** True when the result is a failure. */
export function isFailure<T extends object>(result: T | Failure): result is Failure {
  return 'failure' in result
}

const CERTAINTY_NOTE: Record<Certainty, string> = {
  definite: '(definite: nothing was written)',
  indefinite: '(indefinite: it may have been written)',
}

/** The text that a client sees: what happened, and whether anything was written. */
export function clientMessage(failure: Failure): string {
  return `${failure.message} ${CERTAINTY_NOTE[CATALOGUE[failure.failure].certainty]}`
}

/** The message of anything thrown, for logs. */
export function causeText(cause: unknown): string {
  if (cause instanceof AggregateError && cause.message === '') return cause.errors.map(causeText).join('; ')
  return cause instanceof Error ? cause.message : String(cause)
}
