import { test } from 'tap'
import { reportPage } from '../../../scripts/lab/experiment/report/page.ts'
import { attribute, parsed } from '../../report/parsed.ts'
import { matrix, oneRun, planted, sampleRun } from '../../report/sample.ts'

const KIB = 1024
const MIB = 1024 ** 2

test('a report of one run says its verdict, what was done, its figures, and every event', async (t) => {
  const { experiment, calls } = oneRun({ seed: 1 })
  const page = reportPage(experiment, calls)
  const { text, problems } = parsed(page)
  t.strictSame(problems, [])
  t.match(
    text,
    /Pass.*All 8389 acknowledged votes are stored.*8 callers vote without pause, and 2 more callers vote and read/s,
  )
  t.match(text, /At durability on, a commit waits until the standby has it on disk/)
  t.match(text, /RTO\s+1\.40 s\s+from the fault to the first acknowledged write/)
  t.match(text, /detection\s+308 ms.*promotion\s+448 ms/s)
  for (const { what } of experiment.runs[0]?.events ?? []) t.match(text, what)
  for (const panel of [
    'Calls answered per 100 ms',
    'How long each call took',
    'Who was the primary',
    'Position in the WAL',
  ])
    t.match(text, panel)
  t.match(text, /primary, timeline 1.*no answer.*primary, timeline 2/s)
  t.notMatch(text, 'Acknowledged, then lost')
  t.match(text, /Errors that clients saw: 19.* indefinite: nobody knows UNAVAILABLE: no writable database /s)
  t.ok(page.length < 200 * KIB, `${page.length} characters`)
})

test('lost votes, stale reads, duplicates and phantoms are listed by name, the first hundred of them', async (t) => {
  const { run, calls } = sampleRun({ seed: 2, lost: 130, plan: { level: 'async', lag: 4 * MIB, recovery: 'watch' } })
  Object.assign(run.judgement, {
    duplicates: ['voter-twice'],
    phantoms: ['voter-ghost'],
    staleReads: [{ client: 9, at: 6000, expected: 31, seen: 17 }],
  })
  const { text } = parsed(reportPage({ ...oneRun({ seed: 1 }).experiment, runs: [run] }, new Map([[run.name, calls]])))
  const [shown, rest] = [run.judgement.lost.slice(0, 100), run.judgement.lost.slice(100)]
  t.strictSame(
    shown.filter(({ user }) => !text.includes(` ${user} `)),
    [],
  )
  t.strictSame(
    rest.filter(({ user }) => text.includes(` ${user} `)),
    [],
  )
  t.match(text, 'Lost votes: 130')
  t.match(text, '… and 30 more')
  t.match(text, 'Acknowledged, then lost: 130')
  t.match(text, /First the standby is cut off, until it lacks at least 4\.0 MiB/)
  t.match(text, /failover --watch notices the fault by itself/)
  t.match(text, /Duplicates: 1.*voter-twice.*Phantoms: 1.*voter-ghost/s)
  t.match(text, /Stale reads: 1.* 31 17 /s)
})

test('a matrix of 80 runs is compared plan by plan, each run can be opened, and the page stays small', async (t) => {
  const { experiment, calls } = matrix(5)
  const page = reportPage(experiment, calls)
  const { elements, text, problems } = parsed(page)
  t.strictSame(problems, [])
  const having = (tag: string, kind: string) =>
    elements.filter((it) => it.tagName === tag && (attribute(it, 'class') ?? '').split(' ').includes(kind))
  t.equal(having('tr', 'begins').length + having('tr', 'goes-on').length, 16)
  t.equal(having('details', 'run').length, 80)
  t.equal(having('path', 'dot').length, 160, 'each run is a mark in both distributions')
  t.equal(having('path', 'middle').length, 32, 'each plan has its median in both')
  const ids = elements.flatMap((it) => attribute(it, 'id') ?? [])
  t.equal(new Set(ids).size, ids.length, 'no id twice')
  const targets = elements.flatMap((it) => attribute(it, 'href') ?? [])
  t.strictSame(
    targets.filter((it) => !ids.includes(it.slice(1))),
    [],
    'every link leads somewhere',
  )
  t.match(text, /80 runs of 16 plans: \d+ pass, \d+ fail, 0 unknown/)
  t.ok(page.length < 10 * MIB, `${page.length} characters`)
})

test('a report of a run without evidence says so', async (t) => {
  const { experiment } = oneRun({ seed: 1 })
  const nothing = { calls: 0, ok: 0, definite: 0, indefinite: 0, longestGap: null }
  const bare = experiment.runs.map((run) => ({
    ...run,
    events: [],
    samples: [],
    judgement: {
      ...run.judgement,
      verdict: 'unknown' as const,
      reasons: ['Nobody voted.'],
      rto: null,
      parts: [],
      walLost: null,
      writes: nothing,
      reads: nothing,
    },
  }))
  const page = reportPage({ ...experiment, verdict: 'unknown', runs: bare }, new Map())
  const { text, problems } = parsed(page)
  t.strictSame(problems, [])
  t.match(text, /Unknown\s+There is too little evidence to say\..*Nobody voted\./s)
  t.match(text, /RTO\s+none/)
  t.match(text, 'There is no RTO')
  t.match(text, /no calls are recorded.*no looks are recorded.*no position is known.*seconds since the start/s)
  t.match(text, 'No event is recorded')
  const none = parsed(reportPage({ ...experiment, verdict: 'unknown', runs: [] }, new Map()))
  t.strictSame(none.problems, [])
  t.match(none.text, 'The experiment has no runs.')
})

test('names, answers and faults are shown as text, never as markup', async (t) => {
  const tags = (text: string) =>
    parsed(reportPage(...planted(text))).elements.map((it) =>
      [it.tagName, ...it.attrs.map(({ name }) => name)].join(' '),
    )
  const hostile = "\"><script>alert(1)</script><img src=x onerror='x'>&lt;"
  t.strictSame(tags(hostile), tags('x'.repeat(hostile.length)))
  t.match(parsed(reportPage(...planted(hostile))).text, hostile)
})

test('the page fetches nothing, and forbids the browser to', async (t) => {
  const page = reportPage(...planted('https://example.org/'))
  const { elements } = parsed(page)
  for (const element of elements)
    for (const { name, value } of element.attrs) {
      t.notOk(['src', 'srcset', 'action', 'data', 'poster'].includes(name), `${element.tagName} ${name}`)
      if (name === 'href') t.match(value, /^#/)
      t.notMatch(name, /^on/)
    }
  t.notOk(elements.some((it) => ['script', 'link', 'iframe', 'base'].includes(it.tagName)))
  const [, style = ''] = /<style>([^<]*)<\/style>/.exec(page) ?? []
  t.notMatch(style, /@import|url\((?!#)/)
  const policy = elements.find((it) => attribute(it, 'http-equiv') === 'Content-Security-Policy')
  t.equal(policy && attribute(policy, 'content'), "default-src 'none'; style-src 'unsafe-inline'")
})

test('somebody who cannot see the plots hears what they show', async (t) => {
  const { elements } = parsed(reportPage(...planted('anything')))
  t.equal(elements.find((it) => it.tagName === 'html')?.attrs.find((it) => it.name === 'lang')?.value, 'en')
  const ids = new Set(elements.map((it) => attribute(it, 'id')))
  for (const plot of elements.filter((it) => it.tagName === 'svg' && attribute(it, 'aria-hidden') !== 'true'))
    for (const id of (attribute(plot, 'aria-labelledby') ?? 'nothing').split(' ')) t.ok(ids.has(id), id)
  for (const head of elements.filter((it) => it.tagName === 'th')) t.match(attribute(head, 'scope'), /^(col|row)$/)
})
