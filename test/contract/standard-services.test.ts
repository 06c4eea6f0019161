import { type Client, credentials, makeGenericClientConstructor, type ServiceDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { test } from 'tap'
import { healthOf } from '../../scripts/lab/service/health.ts'
import { addressOf, patience } from '../the-lab.ts'

for (const name of ['loader', 'primary', 'backup'] as const) {
  test(`${name}: the standard health service says SERVING, for the server and for each service`, async (t) => {
    for (const service of ['', 'polling.PollService', 'polling.VoteService', 'polling.ResultService'])
      t.equal(await healthOf(addressOf(name), 5 * patience, service), 'SERVING', service)
    t.match(await healthOf(addressOf(name), 5 * patience, 'polling.NoSuchService'), /NOT_FOUND/)
  })

  test(`${name}: reflection lists the services of the contract`, async (t) => {
    t.strictSame(await reflectedServices(addressOf(name)), [
      'polling.PollService',
      'polling.ResultService',
      'polling.VoteService',
    ])
  })
}

/** The polling services that the standard reflection service names, sorted. */
async function reflectedServices(address: string): Promise<readonly string[]> {
  const file = new URL(import.meta.resolve('@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto')).pathname
  const definition = loadSync(file)['grpc.reflection.v1.ServerReflection'] as ServiceDefinition
  const Reflection = makeGenericClientConstructor(definition, 'ServerReflection')
  const client = new Reflection(address, credentials.createInsecure())
  try {
    return await new Promise((resolve, reject) => {
      const call = client['ServerReflectionInfo']?.({ deadline: Date.now() + 5000 * patience })
      call.on('error', reject)
      call.on('data', (answer: { listServicesResponse: { service: { name: string }[] } }) => {
        call.end()
        const names = answer.listServicesResponse.service.map((service) => service.name)
        resolve(names.filter((it) => it.startsWith('polling.')).sort())
      })
      call.write({ listServices: '' })
    })
  } finally {
    ;(client as Client).close()
  }
}
