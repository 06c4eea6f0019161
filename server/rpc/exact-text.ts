import { isUtf8 } from 'node:buffer'
import { BinaryReader } from '@bufbuild/protobuf/wire'
import type { ServiceDefinition } from '@grpc/grpc-js'

/** What stands for bytes that are no UTF-8: half of a surrogate pair, which no UTF-8 stands for. */
const NO_TEXT = '\ud800'
const REPLACEMENT = '\ufffd'

/**
 * Text from bytes. The usual decoding makes the same replacement character of all that is wrong, so that two users become
 * one; here such a text is one that the validation refuses.
 */
export function exactText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
  return text.includes(REPLACEMENT) && !isUtf8(bytes) ? NO_TEXT : text
}

/** The service with all texts of its requests read as they are. */
export function withExactText<Definition extends ServiceDefinition>(service: Definition): Definition {
  const methods = Object.entries(service).map(([name, method]) => {
    // Generated code takes bytes or a reader of them, but gRPC's type of it knows bytes only.
    const requestDeserialize = (bytes: Buffer) =>
      method.requestDeserialize(new BinaryReader(bytes, exactText) as unknown as Buffer)
    return [name, { ...method, requestDeserialize }]
  })
  return Object.fromEntries(methods) as Definition
}
