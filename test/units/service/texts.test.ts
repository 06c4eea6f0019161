import { test } from 'tap'
import { unsendable } from '../../../scripts/lab/service/client.ts'

test('a text that was changed on its way from the keyboard is not sent, and the field is named', async (t) => {
  const vote = { uuid: 'x', userID: 'é 日 👍', select_options: 'a' }
  t.equal(unsendable(vote, undefined), undefined)
  t.equal(unsendable({ poll_questions: 'q', options: ['a', 'b'] }, '1-0/3000148'), undefined)
  // Node makes this of an argument that is no UTF-8.
  const typed = Buffer.from('ann\xff', 'latin1').toString()
  t.equal(unsendable({ ...vote, userID: typed }, undefined), 'userID: must be valid UTF-8')
  t.equal(unsendable({ ...vote, userID: '\ud800' }, undefined), 'userID: must be valid UTF-8')
  t.equal(unsendable({ poll_questions: 'q', options: ['a', typed] }, undefined), 'options: must be valid UTF-8')
  t.match(unsendable(vote, 'é'), /^consistency-token: /)
})
