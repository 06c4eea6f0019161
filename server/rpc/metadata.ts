import type { Metadata } from '@grpc/grpc-js'
import { type Failure, invalidField, type Result } from '../errors.ts'
import { type Position, parseToken } from '../token.ts'
import { LIMITS } from './validation.ts'

/** Recognises a repeated write. */
export const IDEMPOTENCY_KEY = 'idempotency-key'

/** A write returns it; a read sends it back to see that write. */
export const CONSISTENCY_TOKEN = 'consistency-token'

/** Printable ASCII. */
const KEY = new RegExp(`^[\\x20-\\x7e]{1,${LIMITS.keyCharacters}}$`)

/** The idempotency key of a call, if it has one; or what is wrong with it. */
export function idempotencyKeyOf(metadata: Metadata): Result<string | undefined> {
  const [key] = metadata.get(IDEMPOTENCY_KEY)
  if (key === undefined) return { value: undefined }
  return checkKey(IDEMPOTENCY_KEY, String(key)) ?? { value: String(key) }
}

/** The consistency token of a call, if it has one; or what is wrong with it. */
export function consistencyTokenOf(metadata: Metadata): Result<Position | undefined> {
  const [text] = metadata.get(CONSISTENCY_TOKEN)
  if (text === undefined) return { value: undefined }
  const token = parseToken(String(text))
  return token
    ? { value: token }
    : invalidField(CONSISTENCY_TOKEN, 'must be one that a write of this service has returned')
}

/** What is wrong with an idempotency key, if anything. `name`: its name in the message. */
export function checkKey(name: string, key: string): Failure | undefined {
  return KEY.test(key)
    ? undefined
    : invalidField(name, `must be 1 to ${LIMITS.keyCharacters} characters of printable ASCII`)
}
