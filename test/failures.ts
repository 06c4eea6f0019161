/** Deeper than a test, which stands right below a file in the report of tap. */
const ABOUT = / {8}/
const PASSED = /^ {8}ok |^ {8}\d+\.\.\d+$/
/** The lines of the test itself, which the file has too. They end with the next key, or with the details. */
const SOURCE = /^( +)source: [|>]/

/** What failed in a report of tap: each test with its comments, and with what was seen instead. */
export function failuresOf(report: string): readonly string[] {
  const failures: string[] = []
  let about: string[] = []
  for (const line of report.split('\n')) {
    if (/^ {4}# Subtest: /.test(line)) about = []
    else if (/^ {4}not ok /.test(line) && !/# (SKIP|TODO)/.test(line))
      failures.push([`✗${line.replace(/^ *not ok \d+ -/, '')}`, ...withoutSource(about)].join('\n'))
    else if (ABOUT.test(line) && !PASSED.test(line)) about.push(line)
  }
  return failures
}

function withoutSource(lines: readonly string[]): readonly string[] {
  const kept: string[] = []
  let indent: string | undefined
  for (const line of lines) {
    if (indent !== undefined && (line.trim() === '' || line.startsWith(`${indent} `))) continue
    indent = SOURCE.exec(line)?.[1]
    if (indent === undefined && line.trim() !== '') kept.push(line)
  }
  return kept
}
