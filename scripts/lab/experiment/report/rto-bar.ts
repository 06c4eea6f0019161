import type { Run } from '../record.ts'
import { type Html, html } from './html.ts'
import { milliseconds, seconds } from './units.ts'
import { PARTS } from './words.ts'

/** The RTO as one bar with its parts, each as long as its share, and the meaning of each part. */
export function rtoBar({ judgement: { rto, parts } }: Run): Html {
  const whole = parts.reduce((sum, it) => sum + Math.max(0, it.ms), 0)
  if (rto === null || whole === 0) return html`<p class="caption">${why(rto)}</p>`
  const shares = parts.map(({ name, ms }) => ({ name, ms, percent: (Math.max(0, ms) / whole) * 100 }))
  return html`<div class="rto-bar" role="img" aria-label="RTO ${seconds(rto)}: ${shares.map((it) => `${it.name} ${milliseconds(it.ms)}`).join(', ')}">${shares.map(
    ({ name, ms, percent }) =>
      html`<span class="part ${name}" style="width:${percent.toFixed(3)}%"><b>${name}</b><i>${milliseconds(ms)}</i></span>`,
  )}</div><dl class="parts">${shares.map(
    ({ name, ms }) =>
      html`<div><dt><span class="swatch ${name}"></span>${name}</dt><dd><b>${milliseconds(ms)}</b> ${PARTS[name]}</dd></div>`,
  )}</dl>`
}

const why = (rto: number | null): string =>
  rto === null
    ? 'There is no RTO: no write was acknowledged that began after the fault was in force.'
    : `RTO ${seconds(rto)}; its parts are unknown.`
