import { randomUUID } from 'node:crypto'
import { t, test } from 'tap'
import { client, ok } from '../grpc.ts'
import { addressOf, sql } from '../the-lab.ts'

const it = client(addressOf('loader'))
const servers = [client(addressOf('primary')), client(addressOf('backup'))] as const

const newPoll = async (question: string) =>
  (await ok(it.createPoll({ poll_questions: question, options: ['a', 'b'] }))).uuid

/** The uuids of every page, or of the first so many, each asked of the next server in turn. */
async function pages(
  size: number,
  {
    most = Number.POSITIVE_INFINITY,
    between = async () => {},
  }: { most?: number; between?: () => Promise<unknown> } = {},
): Promise<string[][]> {
  const read: string[][] = []
  let token = ''
  do {
    const server = servers[read.length % 2] ?? it
    const page = await ok(server.pollPage(size, token))
    read.push(page.polls.map(({ uuid }) => uuid))
    token = page.next_page_token
    await between()
  } while (token !== '' && read.length < most)
  return read
}

test('all pages together are the whole list, newest first, whatever their size and whoever answers', async (t) => {
  for (let number = 0; number < 7; number++) await newPoll(`Page me ${number}`)
  const everything = (await ok(servers[0].listPolls())).polls.map(({ uuid }) => uuid)
  for (const size of [1, 3, 100, everything.length, 0]) {
    // The list is as long as the tests before have made it.
    const most = size > 0 && size < 100 ? 10 : everything.length
    const read = await pages(size, { most })
    t.same(read.flat(), everything.slice(0, size > 0 ? most * size : undefined), `pages of ${size}`)
    if (size > 0) t.ok(read.slice(0, -1).every((page) => page.length === size))
  }
  t.equal((await pages(everything.length)).length, 1, 'no empty page at the end')
})

test('polls created at the same instant are told apart by their ids', async (t) => {
  await sql(
    'db-primary',
    `insert into poll (id, question, options, created_at)
     select gen_random_uuid(), 'At once', '{a,b}', timestamptz '2101-02-03 04:05:06.789012' from generate_series(1, 5)`,
  )
  t.teardown(() => sql('db-primary', `delete from poll where question = 'At once'`))
  const ids = await sql('db-primary', `select id from poll where question = 'At once' order by id desc`)
  const read = await pages(1, { most: 5 })
  t.same(read.flat(), ids.split('\n'))
})

test('polls created while pages are read neither repeat others nor hide them, nor does a replica that lags', async (t) => {
  t.teardown(() => sql('db-replica', 'select pg_wal_replay_resume()'))
  for (let number = 0; number < 4; number++) await newPoll(`Before the replay stops ${number}`)
  await sql('db-replica', 'select pg_wal_replay_pause()')
  for (let number = 0; number < 6; number++) await newPoll(`After the replay stopped ${number}`)
  const before = (await ok(servers[0].listPolls())).polls.map(({ uuid }) => uuid)
  const read = await pages(2, { most: 10, between: () => newPoll('Meanwhile') })
  t.same(read.flat(), before.slice(0, 20))
})

test('a wrong page token or page size is refused, and the field is named', async (t) => {
  const end = (await ok(it.pollPage(1, ''))).next_page_token
  for (const token of ['x', randomUUID(), `${end}=`, end.slice(1), `B${end.slice(1)}`])
    t.match(await it.pollPage(1, token), { status: 'INVALID_ARGUMENT', details: /^page_token: / })
  t.match(await it.pollPage(-1, ''), { status: 'INVALID_ARGUMENT', details: /^page_size: / })
})

test('a page has at most 300 polls, and 100 if no size is given', async (t) => {
  await sql(
    'db-primary',
    `insert into poll (id, question, options) select gen_random_uuid(), 'One of many', '{a,b}' from generate_series(1, 301)`,
  )
  const page = (size: number) => ok(servers[0].pollPage(size, ''))
  t.equal((await page(0)).polls.length, 100)
  t.equal((await page(1_000_000)).polls.length, 300)
})

test('the first page includes the write that a consistency token stands for', async (t) => {
  t.teardown(() => sql('db-replica', 'select pg_wal_replay_resume()'))
  await sql('db-replica', 'select pg_wal_replay_pause()')
  const created = await it.createPoll({ poll_questions: 'Do you see me?', options: ['a', 'b'] })
  const token = 'ok' in created ? created.token : ''
  const page = await ok(servers[1].pollPage(1, '', { token }))
  t.match(page.polls, [{ poll_questions: 'Do you see me?' }])
})

t.teardown(async () => {
  for (const client of [it, ...servers]) client.close()
})
