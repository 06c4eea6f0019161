// What happens to a machine in its life, done to a real one: afterwards the lab is healthy and has its data, or says
// what to do.
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import tap, { type Test, test } from 'tap'
import { failureOf, type Ran } from '../the-lab.ts'
import { onHost, ownMachine } from './own-machine.ts'

/** For all rows of an emulated machine on a busy host. */
const MOST_SECONDS = 3 * 3600
tap.setTimeout(MOST_SECONDS * 1000)

const machine = await ownMachine()
const rows: string[] = []
let isUp = false
tap.teardown(async () => {
  await machine.remove()
  for (const row of rows) console.log(`# ${row}`)
})

/** One row of the table: what is done to a machine that runs the lab, and what is seen afterwards. */
const row = (name: string, seen: string, happen: (t: Test) => Promise<void>) =>
  test(`${name}: ${seen}`, async (t) => {
    const from = performance.now()
    await happen(t)
    const seconds = Math.round((performance.now() - from) / 1000)
    rows.push(`${name.padEnd(46)} ${`${seconds} s`.padStart(7)}  ${t.passing() ? seen : 'NOT SO'}`)
  })

const succeeds = async (t: Test, ran: Promise<Ran>): Promise<Ran> => {
  const done = await ran
  t.equal(done.exit, 0, failureOf(done))
  return done
}

const printed = async (t: Test, ran: Promise<Ran>): Promise<string> => (await succeeds(t, ran)).stdout.trim()

async function up(t: Test): Promise<void> {
  await succeeds(t, machine.vagrant('up'))
  isUp = true
}

/** A poll with three votes, in the lab of a machine; if the machine is not up, this brings it up first. */
async function pollWithVotes(t: Test): Promise<string> {
  if (!isUp) await up(t)
  const poll = await printed(t, machine.poll('create', 'Does it come back?', 'yes', 'no'))
  for (const user of ['ann', 'bob']) await succeeds(t, machine.poll('vote', poll, 'yes', '--user', user))
  await succeeds(t, machine.poll('vote', poll, 'no', '--user', 'cid'))
  return poll
}

/** Five healthy nodes, seen from inside, and exactly these votes, seen from the host. */
async function isBack(t: Test, poll: string): Promise<void> {
  t.match((await succeeds(t, machine.inside('zx scripts/status.ts'))).stdout, /5 of 5 nodes healthy/)
  const results = await until(
    'both servers to answer with the votes',
    async () => (await machine.poll('results', poll)).stdout,
    (text) => text.includes('3 votes'),
  )
  t.match(results, /yes .* 2\n.*no .* 1\n.*3 votes/s)
}

/** Seconds that the machine's clock is behind this host's. */
async function behind(t: Test): Promise<number> {
  const there = Number(await printed(t, machine.inside('date +%s')))
  return Date.now() / 1000 - there
}

/** Looks until it is so, for two minutes unless told otherwise. */
async function until<T>(what: string, look: () => Promise<T>, isSo: (seen: T) => boolean, seconds = 120): Promise<T> {
  const deadline = performance.now() + seconds * 1000
  for (;;) {
    const seen = await look()
    if (isSo(seen)) return seen
    if (performance.now() > deadline) throw new Error(`waited ${seconds} s for ${what}; last seen: ${seen}`)
    await pause(500)
  }
}

row('Ctrl-C half-way through up, destroy, up', 'nothing is left, and the second up is a first one', async (t) => {
  await succeeds(t, machine.vagrant('destroy', '-f'))
  isUp = false
  const first = machine.start('up')
  let ended = false
  const end = first.ended.finally(() => {
    ended = true
  })
  await until(
    'the first up to come as far as the lab',
    async () => first.said(),
    (said) => ended || said.includes('Bringing the lab up'),
    1200,
  )
  first.interrupt()
  t.not((await end).exit, 0, 'an interrupted command does not succeed')
  await succeeds(t, machine.vagrant('destroy', '-f'))
  t.notMatch(await onHost('virsh', '-q', 'list', '--all', '--name'), machine.domain)
  t.notMatch(await onHost('virsh', '-q', 'vol-list', 'default'), machine.domain)
  await isBack(t, await pollWithVotes(t))
})

row('vagrant up twice', 'the same containers', async (t) => {
  const poll = await pollWithVotes(t)
  const containers = 'docker ps --quiet --no-trunc | sort'
  const before = await printed(t, machine.inside(containers))
  await up(t)
  t.equal(await printed(t, machine.inside(containers)), before)
  await isBack(t, poll)
})

row('halt, up', 'healthy, every vote there', async (t) => {
  const poll = await pollWithVotes(t)
  await succeeds(t, machine.vagrant('halt'))
  await up(t)
  await isBack(t, poll)
})

row('reload', 'healthy, every vote there', async (t) => {
  const poll = await pollWithVotes(t)
  await succeeds(t, machine.vagrant('reload'))
  await isBack(t, poll)
})

row('suspend, resume', 'healthy, every vote there, the clock right', async (t) => {
  const poll = await pollWithVotes(t)
  await succeeds(t, machine.vagrant('suspend'))
  await pause(SLEEP_MS)
  await succeeds(t, machine.vagrant('resume'))
  await isBack(t, poll)
  await clockIsRight(t)
})

/** How long a machine sleeps; its clock is behind by as much. */
const SLEEP_MS = 20_000

const clockIsRight = (t: Test): Promise<number> =>
  until(
    'the clock of the machine to be right',
    () => behind(t),
    (seconds) => Math.abs(seconds) < 5,
  )

row('the host sleeps', 'healthy without a command, the clock right', async (t) => {
  const poll = await pollWithVotes(t)
  // What the machine sees of it: it is stopped between two instructions, and goes on at another time.
  await onHost('virsh', 'suspend', machine.domain)
  await pause(SLEEP_MS)
  await onHost('virsh', 'resume', machine.domain)
  await isBack(t, poll)
  await clockIsRight(t)
  const said = await printed(t, machine.inside('sudo journalctl --quiet --unit failover-lab-clock --output cat'))
  t.match(said, /This machine slept for (1[89]|2\d) s/)
})

row('the clock jumps by three hours, and back', 'healthy, every vote there', async (t) => {
  const poll = await pollWithVotes(t)
  for (const jump of ['3 hours', '-3 hours']) {
    await succeeds(t, machine.inside(`sudo date --set '${jump}'`))
    await isBack(t, poll)
  }
  await clockIsRight(t)
})

row(
  'a full disk, then room again',
  'up says how much is missing and where; then healthy, every vote there',
  async (t) => {
    const poll = await pollWithVotes(t)
    // All that its user can have. What is left to root alone is what lets the machine itself go on.
    await machine.inside('fallocate --length $(df --output=avail -B1 / | tail -n 1) full')
    t.equal(await printed(t, machine.inside('df --output=pcent / | tail -n 1')), '100%')
    const refused = await machine.vagrant('up')
    t.not(refused.exit, 0)
    t.match(refused.stdout, /DISK_LOW: \d+ MiB are free in \/var\/lib\/docker, but the lab needs \d+/)
    t.match(refused.stdout, /→ free some space/)
    await succeeds(t, machine.inside('rm full'))
    await up(t)
    await isBack(t, poll)
  },
)

row('a new version of lab and engine, provision', 'servers of the new version, every vote there', async (t) => {
  const poll = await pollWithVotes(t)
  const images = `docker ps --filter name=^/primary$ --filter name=^/db-primary$ --format '{{.Names}} {{.Image}}' | sort`
  const before = (await printed(t, machine.inside(images))).split('\n')
  await appendFile(join(machine.folder, 'server/main.ts'), '// A version that nobody has built yet.\n')
  await succeeds(t, machine.vagrant('rsync'))
  // What an upgrade of its package does to the engine.
  await succeeds(t, machine.inside('sudo systemctl restart docker'))
  await succeeds(t, machine.vagrant('provision'))
  const after = (await printed(t, machine.inside(images))).split('\n')
  t.equal(after[0], before[0], 'the database is of the same image')
  t.not(after[1], before[1], 'the server is of a new one')
  await isBack(t, poll)
})

row('snapshot, more votes, restore', 'the votes of then and no others, the clock right', async (t) => {
  const poll = await pollWithVotes(t)
  await succeeds(t, machine.vagrant('snapshot', 'save', 'before'))
  t.teardown(() => machine.vagrant('snapshot', 'delete', 'before'))
  await succeeds(t, machine.poll('vote', poll, 'no', '--user', 'dan'))
  await pause(SLEEP_MS)
  await succeeds(t, machine.vagrant('snapshot', 'restore', 'before'))
  await isBack(t, poll)
  await clockIsRight(t)
  await succeeds(t, machine.poll('vote', poll, 'no', '--user', 'dan'))
})
