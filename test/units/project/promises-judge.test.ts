import { test } from 'tap'
import { type Attempt, brokenPromises, countOf, type Ending, type Vote } from '../../promises/judge.ts'

const options = ['a', 'b']
const vote: Vote = { user: 'ann', option: 'a', key: 'k' }
const at = (begun: number, ending: Ending, of: Vote = vote): Attempt => ({ vote: of, begun, ended: begun + 1, ending })
const broken = (attempts: Attempt[], stored: Vote[], closes: { begun: number; ended: number }[] = []) =>
  brokenPromises({ attempts, closes: closes.map((it) => ({ ...it, acknowledged: true })) }, stored, options)

test('the judge finds nothing if all is well', async (t) => {
  t.same(broken([], []), [])
  t.same(broken([at(0, 'unknown'), at(2, 'stored')], [vote]), [])
  t.same(broken([at(0, 'unknown')], []), [], 'whoever got no answer may not have voted')
  t.same(broken([at(0, 'unknown')], [vote]), [], 'or may have')
  t.same(broken([at(0, 'stored'), at(9, 'stored')], [vote], [{ begun: 4, ended: 5 }]), [], 'asked for with its key')
  t.same(countOf([vote], options), { a: 1, b: 0 })
})

test('the judge finds each broken promise', async (t) => {
  const other = { ...vote, option: 'b' }
  t.match(broken([at(0, 'stored')], []), [/acknowledged and is not stored/])
  t.match(broken([at(0, 'stored')], [other]), [/acknowledged and is not stored/, /every attempt/])
  t.match(broken([at(0, 'stored')], [vote, vote]), [/stored twice/])
  t.match(broken([at(0, 'refused')], [vote]), [/every attempt at it was answered otherwise/])
  t.match(broken([at(0, 'duplicate')], []), [/its user has no vote/])
  t.match(broken([at(9, 'stored')], [vote], [{ begun: 4, ended: 5 }]), [/after the poll was closed/])
  t.match(broken([at(0, 'closed')], [], [{ begun: 4, ended: 5 }]), [/nobody had closed it/])
  const keyless = { ...vote, key: undefined }
  const late = [at(0, 'unknown', keyless), at(9, 'stored', keyless)]
  t.match(broken(late, [keyless], [{ begun: 4, ended: 5 }]), [/after the poll was closed/])
})
