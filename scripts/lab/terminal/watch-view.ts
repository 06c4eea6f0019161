import { chalk } from 'zx/core'
import { listed } from '../listed.ts'
import type { WatchEvent } from '../managers/manager.ts'
import { visible } from '../visible.ts'
import { failoverView } from './failover-view.ts'

/** An event of a watch in one line with its time; after a failover also what it did and cost. */
export const watchView = (it: WatchEvent): string => `${it.at.slice(11, 23)}  ${said(it)}`

function said(it: WatchEvent): string {
  switch (it.event) {
    case 'watching':
      return it.standby === null
        ? `${chalk.yellow('○')} watching ${it.primary}; there is no standby to promote: zx scripts/rejoin.ts`
        : `${chalk.green('●')} watching ${it.primary}; ${it.standby} answers as a standby`
    case 'suspect':
      return `${chalk.yellow('?')} ${visible(it.why)}`
    case 'recovered':
      return `${chalk.green('●')} ${it.primary} answers again`
    case 'decided':
      return `${chalk.red('!')} ${it.primary} is dead: suspected for ${seconds(it.suspected, it.detected)}; ${visible(it.why)}`
    case 'failed-over':
      return `from the first failed probe to the first acknowledged write: ${seconds(it.suspected, it.marks.served)}\n${failoverView(it)}`
    case 'retargeted':
      return `${chalk.yellow('!')} ${listed(it.standbys)} ${it.standbys.length > 1 ? 'were' : 'was'} pointed at ${it.primary}, because the upstream ${it.gone} is dead: ${visible(it.why)}`
    case 'refused':
      return `${chalk.red('✗')} ${it.code}: ${visible(it.why)}\n  ${chalk.bold('→')} ${it.fix}`
  }
}

const seconds = (from: number, to: number): string => `${((to - from) / 1000).toFixed(2)} s`
