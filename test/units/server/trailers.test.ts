import { test } from 'tap'
import { CATALOGUE, clientMessage, type FailureName, fail, invalidField } from '../../../server/errors.ts'
import { trailersOf } from '../../../server/rpc/trailers.ts'
import { detailsOf } from '../../details.ts'

const names = Object.keys(CATALOGUE) as FailureName[]

test('the details of every error say the same as its status and its plain trailers', async (t) => {
  for (const name of names) {
    const failure = { failure: name, message: 'what happened' }
    const { code, certainty, retry } = CATALOGUE[name]
    const trailers = trailersOf(failure)
    t.same(trailers.get('x-failure'), [name])
    t.same(trailers.get('x-certainty'), [certainty])
    t.match(detailsOf(trailers), {
      code,
      message: clientMessage(failure),
      ErrorInfo: { reason: name, domain: 'polling', metadata: new Map(Object.entries({ certainty, retry })) },
    })
  }
})

test('a wrong field is named as a violation', async (t) => {
  t.same(detailsOf(trailersOf(invalidField('options[2]', 'must not be empty'))).BadRequest, {
    field_violations: [{ field: 'options[2]', description: 'must not be empty' }],
  })
  t.notOk('BadRequest' in detailsOf(trailersOf(fail('POLL_NOT_FOUND', 'uuid: no poll has it'))))
})

test('a library is told to retry, and when, only if any call may be repeated as it was', async (t) => {
  for (const name of names) {
    const { RetryInfo } = detailsOf(trailersOf({ failure: name, message: 'what happened' }))
    if (CATALOGUE[name].retry === 'yes') t.match(RetryInfo, { retry_delay: { seconds: Number, nanos: Number } }, name)
    else t.equal(RetryInfo, undefined, name)
  }
  const { RetryInfo } = detailsOf(trailersOf(fail('NO_WRITABLE_DATABASE', 'none')))
  t.same(RetryInfo, { retry_delay: { seconds: 0, nanos: 200_000_000 } })
})

test('the id by which the balancer logs the call is told', async (t) => {
  t.match(detailsOf(trailersOf(fail('INTERNAL', 'internal error'), 'abc')), { RequestInfo: { request_id: 'abc' } })
})
