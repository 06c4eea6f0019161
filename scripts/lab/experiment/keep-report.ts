import { join } from 'node:path'
import { FILES, replaceFile } from './folder.ts'
import { whyUnreadable } from './judge/recorded.ts'
import { readLines } from './lines.ts'
import { Call, type Experiment } from './record.ts'
import { reportPage } from './report/page.ts'

/** Writes `report.html` of an experiment beside its runs, from their files; gives its path. */
export async function keepReport(folder: string, experiment: Experiment): Promise<string> {
  const calls = new Map<string, readonly Call[]>()
  for (const { name } of experiment.runs) calls.set(name, await historyOf(join(folder, name, FILES.history)))
  const file = join(folder, FILES.report)
  await replaceFile(file, reportPage(experiment, calls))
  return file
}

/** If a run did not take place, or its history is incomplete, the report shows it without its calls. */
const historyOf = (file: string): Promise<readonly Call[]> =>
  readLines(file, Call).catch((error: unknown) => {
    whyUnreadable(error)
    return []
  })
