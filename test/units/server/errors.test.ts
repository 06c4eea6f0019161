import { status } from '@grpc/grpc-js'
import { test } from 'tap'
import { connectFailure, endsConnection, errorCode, isProof, queryFailure } from '../../../server/cluster/failures.ts'
import { CATALOGUE, clientMessage, type FailureName } from '../../../server/errors.ts'

const names = Object.keys(CATALOGUE) as FailureName[]
const withCode = (code: string) => Object.assign(new Error(`secret detail ${code}`), { code })

test('every entry of the catalogue is complete', async (t) => {
  for (const name of names) {
    const entry = CATALOGUE[name]
    t.match(name, /^[A-Z]+(_[A-Z]+)*$/)
    t.type(status[entry.code], 'string', `${name} has a gRPC code`)
    t.not(entry.code, status.OK, `${name} is an error`)
    t.match(entry.certainty, /^(in)?definite$/)
    t.match(entry.retry, /^(yes|no|with-key)$/)
    t.match(entry.cause, /^[A-Z].+\.$/, `${name} says its cause in a sentence`)
    t.match(entry.fix, /^[A-Z].+\.$/, `${name} says what to do in a sentence`)
  }
})

test('a write of unknown outcome is never to be retried without a key', async (t) => {
  for (const name of names) {
    if (CATALOGUE[name].certainty === 'indefinite') t.not(CATALOGUE[name].retry, 'yes', name)
  }
})

test('every message to a client says whether the write may have happened', async (t) => {
  for (const name of names) {
    const { certainty } = CATALOGUE[name]
    t.match(clientMessage({ failure: name, message: 'what happened' }), new RegExp(`^what happened \\(${certainty}: `))
  }
})

test('an error before the query was sent is definite', async (t) => {
  for (const error of [withCode('ECONNREFUSED'), withCode('57P03'), withCode('53300'), new Error('timeout')]) {
    t.equal(CATALOGUE[connectFailure('db', error).failure].certainty, 'definite', error.message)
  }
})

test('a connection lost during a write is indefinite, during a read it is not', async (t) => {
  for (const error of [withCode('57P01'), withCode('08006'), withCode('ECONNRESET'), new Error('terminated')]) {
    t.equal(queryFailure('db', error, 'write').failure, 'CONNECTION_LOST', error.message)
    t.equal(queryFailure('db', error, 'read').failure, 'READ_INTERRUPTED', error.message)
    t.ok(endsConnection(error))
  }
})

test('a read-only database is not taken for a broken one, and its connection is kept', async (t) => {
  // By a setting or in recovery: the error does not say which.
  const { failure, message } = queryFailure('db', withCode('25006'), 'write')
  t.strictSame([failure, message], ['DATABASE_READ_ONLY', 'database db is read-only'])
  t.notOk(endsConnection(withCode('25006')))
})

test('a query that the database cancelled did nothing and is worth a retry', async (t) => {
  for (const kind of ['read', 'write'] as const) {
    for (const code of ['40001', '40P01', '57014']) {
      t.match(CATALOGUE[queryFailure('db', withCode(code), kind).failure], { certainty: 'definite', retry: 'yes' })
    }
  }
})

test('no text of the database reaches the client', async (t) => {
  for (const code of ['42P01', '23505', '25006', '57P01', '53100', '40001', 'ECONNRESET']) {
    t.notMatch(clientMessage(queryFailure('db', withCode(code), 'write')), /secret/)
    t.notMatch(clientMessage(connectFailure('db', withCode(code))), /secret/)
  }
})

test('a refusal proves that a node is gone; a timeout does not', async (t) => {
  t.ok(isProof(withCode('ECONNREFUSED')))
  t.ok(isProof(withCode('57P03')))
  t.notOk(isProof(new Error('timeout expired')))
  t.notOk(isProof(withCode('EHOSTUNREACH')))
})

test('the code of a refused connection is found even if every address of a name was tried', async (t) => {
  t.equal(errorCode(new AggregateError([withCode('ECONNREFUSED'), withCode('ECONNREFUSED')])), 'ECONNREFUSED')
})
