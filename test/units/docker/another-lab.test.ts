import { test } from 'tap'
import { freeName } from '../../../scripts/lab/docker/another-lab.ts'

test("the name that is proposed for another lab is nobody's", async (t) => {
  t.equal(freeName([]), 'lab2')
  t.equal(freeName(['loader', 'lab20-loader', 'my-lab2-loader']), 'lab2')
  t.equal(freeName(['lab2-voting-net', 'lab3-db-primary-data', 'lab5-loader']), 'lab4')
})
