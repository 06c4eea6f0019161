import { isUtf8 } from 'node:buffer'
import { BinaryReader } from '@bufbuild/protobuf/wire'
import type { ServiceDefinition } from '@grpc/grpc-js'

/** The mark for bytes that are not UTF-8: half of a surrogate pair, which valid UTF-8 never contains. */
const NO_TEXT = '\ud800'
const REPLACEMENT = '\ufffd'

/**
 * Decodes text from bytes. The usual decoding turns all invalid bytes into the same replacement character: two users could
 * become one. Here such a text gets the mark, and validation refuses it.
 */
export function exactText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
  return text.includes(REPLACEMENT) && !isUtf8(bytes) ? NO_TEXT : text
}

/** The service, with the texts of its requests decoded exactly. */
export function withExactText<Definition extends ServiceDefinition>(service: Definition): Definition {
  const methods = Object.entries(service).map(([name, method]) => {
    // Generated code takes bytes or a reader of them, but gRPC's type of it knows bytes only.
    const requestDeserialize = (bytes: Buffer) =>
      method.requestDeserialize(new BinaryReader(bytes, exactText) as unknown as Buffer)
    return [name, { ...method, requestDeserialize }]
  })
  return Object.fromEntries(methods) as Definition
}
