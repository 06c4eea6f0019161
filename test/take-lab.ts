// Loaded before each file of tests: leaves it out if there is no time left, and gives it a lab that no other file has at this time.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { LABS_NOTE, type LabEnvironment } from './labs.ts'
import { noTimeLeft } from './time-left.ts'

if (noTimeLeft()) {
  console.log('TAP version 14\n1..0 # SKIP no time left')
  process.exit(0)
}

/** Whether this process took the lab; false if another process that still runs has it. */
function takes(note: string): boolean {
  try {
    writeFileSync(note, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  // A file that hung was killed, and gave nothing back.
  if (isAlive(Number(readFileSync(note, 'utf8')))) return false
  rmSync(note)
  return takes(note)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const note = process.env[LABS_NOTE]
// Not again in what this process starts.
delete process.env[LABS_NOTE]
// With this, tap would load its own code into every verb that a test starts, which doubles what a verb costs.
delete process.env['NODE_OPTIONS']
if (note !== undefined) {
  const labs: readonly LabEnvironment[] = JSON.parse(readFileSync(note, 'utf8'))
  const taken = (lab: LabEnvironment) => `${note}.${lab.LAB_NAME}`
  const lab = labs.find((it) => takes(taken(it)))
  if (lab === undefined) throw new Error(`all ${labs.length} labs of this run are taken`)
  Object.assign(process.env, lab)
  process.once('exit', () => rmSync(taken(lab), { force: true }))
}
