import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { patience } from '../the-lab.ts'

const CHROMIUM = 'chromium'

/** Why no page can be looked at; false if it can. */
export const lacking =
  spawnSync(CHROMIUM, ['--version']).status === 0
    ? false
    : 'needs a browser: sudo apt-get install -y --no-install-recommends chromium'

/** Files in a folder of their own, the first of them loaded without a network: its DOM, and what the browser complained of. */
export async function loaded(files: Readonly<Record<string, string>>): Promise<{ dom: string; complaints: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'failover-lab-browser-'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const options = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--enable-logging=stderr',
    '--virtual-time-budget=5000',
    `--user-data-dir=${join(folder, 'profile')}`,
    '--dump-dom',
  ]
  try {
    const { stdout, stderr } = await promisify(execFile)(
      CHROMIUM,
      [...options, `file://${join(folder, Object.keys(files)[0] ?? '')}`],
      { timeout: 60_000 * patience, maxBuffer: 2 ** 28 },
    )
    return { dom: stdout, complaints: stderr.split('\n').filter((line) => line.includes(':CONSOLE')) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export type Look = { readonly width: number; readonly scheme: 'light' | 'dark' }

/** What the browser made of a page, all of it unfolded. */
export type Measures = {
  readonly dark: boolean
  readonly innerWidth: number
  readonly scrollWidth: number
  /** Size of each plot. */
  readonly plots: readonly (readonly [width: number, height: number])[]
  /** Words in plots that cover each other. */
  readonly covered: readonly string[]
  /** The least ratio of contrast between words and what they stand on, outside of plots. */
  readonly contrast: number
}

/** Measures a page as it is laid out in frames that look so: in a copy of it that may run our script. */
export async function measured(page: string, looks: readonly Look[]): Promise<Measures[]> {
  const copy = page
    .replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, '')
    .replaceAll('<details ', '<details open ')
    .replace(
      '</body>',
      `<script>parent.postMessage({ look: location.hash, seen: (${measure})() }, '*')</script></body>`,
    )
  // A frame takes its scheme from its element, and its width may be less than that of any window.
  const frames = looks.map(
    ({ width, scheme }, index) =>
      `<iframe src="report.html#${index}" style="color-scheme: ${scheme}; width: ${width}px; height: 900px"></iframe>`,
  )
  const host = `<!DOCTYPE html><title>frames</title><body><script>
    const seen = []
    addEventListener('message', ({ data }) => {
      seen[data.look.slice(1)] = data.seen
      document.body.dataset.measures = JSON.stringify(seen)
    })</script>${frames.join('')}</body>`
  const { dom } = await loaded({ 'frames.html': host, 'report.html': copy })
  const [, found = '[]'] = /data-measures="([^"]*)"/.exec(dom) ?? []
  return JSON.parse(found.replaceAll('&quot;', '"').replaceAll('&amp;', '&'))
}

// Runs in the browser, whose names Node's types do not know.
const measure = `() => {
  const box = (it) => it.getBoundingClientRect()
  const plots = [...document.querySelectorAll('.plot svg')]
  const covered = plots.flatMap((plot) => {
    const words = [...plot.querySelectorAll('text')].map((it) => ({ text: it.textContent, box: box(it) }))
    return words.flatMap((a, index) =>
      words
        .slice(index + 1)
        .filter((b) => Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left) > 1 &&
          Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top) > 4)
        .map((b) => a.text + ' / ' + b.text))
  })
  const channels = (color) => color.match(/[\\d.]+/g).map(Number)
  const luminance = (color) => {
    const [r, g, b] = channels(color).map((it) => it / 255).map((it) => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const ground = (it) => {
    const color = getComputedStyle(it).backgroundColor
    return (channels(color)[3] ?? 1) > 0 ? color : it.parentElement ? ground(it.parentElement) : 'rgb(255, 255, 255)'
  }
  const contrasts = [...document.querySelectorAll('main *')]
    .filter((it) => !it.closest('svg') && [...it.childNodes].some((child) => child.nodeType === 3 && child.data.trim()))
    .map((it) => [luminance(getComputedStyle(it).color), luminance(ground(it))].sort((a, b) => b - a))
    .map(([light, dark]) => (light + 0.05) / (dark + 0.05))
  return {
    dark: matchMedia('(prefers-color-scheme: dark)').matches,
    innerWidth,
    scrollWidth: document.documentElement.scrollWidth,
    plots: plots.map((it) => [box(it).width, box(it).height]),
    covered,
    contrast: Math.min(...contrasts),
  }
}`
