import { test } from 'tap'
import { reportPage } from '../../scripts/lab/experiment/report/page.ts'
import { type Look, loaded, measured, lacking as skip } from './in-browser.ts'
import { matrix, oneRun, planted } from './sample.ts'

const LOOKS: readonly Look[] = [1280, 375].flatMap((width) => [
  { width, scheme: 'light' as const },
  { width, scheme: 'dark' as const },
])
const one = oneRun({ seed: 2, lost: 130, plan: { level: 'async', lag: 4 * 1024 ** 2, recovery: 'watch' } })
const many = matrix(1)
const pages = {
  'one run': reportPage(one.experiment, one.calls),
  'a matrix': reportPage(many.experiment, many.calls),
  'names without an end': reportPage(...planted('endless'.repeat(40))),
}

for (const [name, page] of Object.entries(pages))
  test(`a report of ${name} fits on a laptop and on a phone, in light and in dark`, { skip }, async (t) => {
    const all = await measured(page, LOOKS)
    for (const [index, look] of LOOKS.entries()) {
      const of = `${look.width} wide, ${look.scheme}`
      const seen = all[index]
      if (seen === undefined) throw new Error(`${of}: the browser measured nothing`)
      t.equal(seen.innerWidth, look.width, of)
      t.equal(seen.dark, look.scheme === 'dark', of)
      t.ok(seen.scrollWidth <= look.width, `${of}: nothing sticks out, ${seen.scrollWidth} wide`)
      t.ok(seen.plots.length >= 2, `${of}: ${seen.plots.length} plots`)
      t.strictSame(
        seen.plots.filter(([width, height]) => width < 300 || height < 50),
        [],
        `${of}: every plot is drawn`,
      )
      t.strictSame(seen.covered, [], `${of}: no words of a plot cover others`)
      t.ok(seen.contrast >= 4.5, `${of}: contrast of at least 4.5, seen ${seen.contrast.toFixed(2)}`)
    }
  })

test('a browser has nothing to complain of, and the rules of the page do not hinder it', { skip }, async (t) => {
  const { dom, complaints } = await loaded({ 'report.html': pages['a matrix'] })
  t.strictSame(complaints, [])
  t.match(dom, '</html>')
  const meddled = pages['one run'].replace('</body>', '<script>alert(1)</script></body>')
  t.match((await loaded({ 'report.html': meddled })).complaints.join(), /Content Security Policy/)
})
