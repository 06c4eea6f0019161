import { chalk } from 'zx/core'
import { faultLines } from '../faults/kinds.ts'
import type { FaultList } from '../faults/views.ts'
import { visible } from '../visible.ts'

/** The list for people. */
export const faultTable = ({ faults, unseen }: FaultList): string =>
  [
    ...(faults.length === 0 ? ['no fault in force'] : faultLines(faults).map((line) => `${chalk.red('✗')} ${line}`)),
    ...unseen.map((why) => `${chalk.yellow('?')} its database cannot be asked: ${visible(why)}`),
  ].join('\n')
