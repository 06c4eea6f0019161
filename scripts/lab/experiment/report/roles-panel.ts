import type { Run, Sample } from '../record.ts'
import { type Html, html } from './html.ts'
import { databasesOf, nothing, type Panel, type Scene } from './panel.ts'
import type { Scale } from './scale.ts'
import { LEFT, widthOf } from './svg.ts'

type Database = Sample['databases'][number]
const LANE = 40
const BAR = 30

/** When each database was the primary, and on which timeline: one lane for each. */
export function rolesPanel({ run, x }: Scene): Panel {
  const databases = databasesOf(run)
  const height = LANE * Math.max(1, databases.length)
  return {
    title: 'Who was the primary',
    legend: (['primary', 'standby', 'silent'] as const).map((role) => ({
      label: role === 'silent' ? 'no answer' : role,
      sign: html`<rect class="role ${role}" y="-12" width="14" height="14"></rect>`,
    })),
    height,
    body: [
      run.samples.length === 0 ? nothing('no looks are recorded', height) : null,
      ...databases.map(
        (name, lane) =>
          html`<g transform="translate(0,${lane * LANE})"><text class="tick" x="${LEFT - 10}" y="20" text-anchor="end">${name}</text>${spansOf(run, name).map((span) => spanIn(x, span))}</g>`,
      ),
    ],
  }
}

type Time = {
  readonly from: number
  readonly to: number
  readonly role: Database['role']
  readonly timeline: number | null
}

/** Times in which every look at a database gave the same; each look counts until the next one. */
function spansOf(run: Run, name: Database['name']): Time[] {
  const spans: Time[] = []
  for (const [index, sample] of run.samples.entries()) {
    const found = sample.databases.find((it) => it.name === name)
    const to = run.samples[index + 1]?.at ?? Math.max(run.length, sample.at)
    const now = { from: sample.at, to, role: found?.role ?? null, timeline: found?.timeline ?? null }
    const last = spans.at(-1)
    if (last !== undefined && last.role === now.role && last.timeline === now.timeline)
      spans[spans.length - 1] = { ...last, to }
    else spans.push(now)
  }
  return spans
}

function spanIn(x: Scale, { from, to, role, timeline }: Time): Html | null {
  const left = x.at(Math.max(from, x.from))
  const width = x.at(Math.min(to, x.to)) - left
  if (!(width > 0)) return null
  const text = role === null ? 'no answer' : timeline === null ? role : `${role}, timeline ${timeline}`
  const label = [text, ...(role === null ? [] : [role])].find((it) => widthOf(it) + 12 < width)
  const written =
    label === undefined
      ? null
      : html`<text class="role-name ${role ?? 'silent'}" x="${left + 8}" y="20">${label}</text>`
  return html`<g><title>${text}</title><rect class="role ${role ?? 'silent'}" x="${left}" width="${width.toFixed(1)}" height="${BAR}"></rect>${written}</g>`
}
