import { test } from 'tap'
import { detailsOf } from '../../../scripts/lab/service/error-details.ts'

test("what a failed call says is told without the library's own notes", async (t) => {
  const told = (details: string) => detailsOf({ details })
  t.equal(
    told('Deadline exceeded after 3.000s,name resolution: 0.173s,LB pick: 1.724s,remote_addr=127.0.0.1:51051'),
    'Deadline exceeded after 3.000s',
  )
  const refused = 'No connection established. Last error: connect ECONNREFUSED 127.0.0.1:50052'
  t.equal(told(`${refused}. Resolution note: `), refused)
  t.equal(told(`${refused}. Resolution note: no such host`), `${refused}. Resolution note: no such host`)
  t.equal(told('user_id is empty'), 'user_id is empty')
})
