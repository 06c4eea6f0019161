import { fileURLToPath } from 'node:url'
import type { Server } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { ReflectionService } from '@grpc/reflection'
import { protoPath as healthProto } from 'grpc-health-check'

const POLLING_PROTO = fileURLToPath(new URL('../../proto/polling.proto', import.meta.url))

/** Adds grpc.reflection.v1 and v1alpha, which describe the polling and the health services. */
export function addReflection(server: Server): void {
  const packages = loadSync([POLLING_PROTO, healthProto])
  new ReflectionService(packages).addToServer(server)
}
