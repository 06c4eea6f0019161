import { service } from 'grpc-health-check'
import { test } from 'tap'
import { servingStatus } from '../../../scripts/lab/service/health.ts'

const bytesOf = (status: string): Buffer => service['Check']?.responseSerialize({ status }) ?? Buffer.of()

test('the answer of the health service is read as its own package writes it', async (t) => {
  for (const status of ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'])
    t.equal(servingStatus(bytesOf(status)), status)
  t.equal(servingStatus(Buffer.of(0x12, 0x01, 0x61, 0x08, 0x01)), 'SERVING', 'a field that is not known is passed over')
})
