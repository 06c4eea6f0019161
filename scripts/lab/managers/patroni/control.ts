import { act } from '../../docker/command.ts'
import { changing } from '../../docker/leftovers.ts'
import { settingsIn } from '../../rules/patroni-settings.ts'
import type { Reporter } from '../../steps.ts'
import { type DatabaseName, databaseNamed, type Lab } from '../../topology/topology.ts'
import { until } from '../../wait.ts'
import { patronictl, whereToAsk } from './patronictl.ts'
import { needView, type PatroniView } from './view.ts'

/** In a pause Patroni promotes nobody and restarts nothing. */
export const pause = (lab: Lab, { step }: Reporter): Promise<PatroniView> =>
  changing(lab, async () => {
    await step('Pause Patroni', async ({ tell }) => patronictl(tell, await whereToAsk(lab), 'pause', '--wait'))
    return needView(lab)
  })

/** Ends a pause. */
export const resume = (lab: Lab, { step }: Reporter): Promise<PatroniView> =>
  changing(lab, async () => {
    await step('Resume Patroni', async ({ tell }) => patronictl(tell, await whereToAsk(lab), 'resume', '--wait'))
    return needView(lab)
  })

/** Changes settings in the stores, where all members read them. `texts`: as typed, `ttl=30`. */
export const set = (lab: Lab, texts: readonly string[], { step }: Reporter): Promise<PatroniView> =>
  changing(lab, async () => {
    const before = await needView(lab)
    const wanted = settingsIn(texts, {
      ttl: before.ttl,
      loop_wait: before.loopWait,
      retry_timeout: before.retryTimeout,
    })
    const options = Object.entries(wanted).flatMap(([name, value]) => ['--set', `${name}=${value}`])
    await step(`Set ${texts.join(' and ')}`, async ({ tell }) =>
      patronictl(tell, await whereToAsk(lab), 'edit-config', ...options, '--force'),
    )
    return until('the settings to be in the stores', { seconds: 10, patience: lab.settings.patience }, async () => {
      const view = await needView(lab)
      const isSet = Object.entries(wanted).every(([name, value]) => view.settings[name] === value)
      return isSet ? { done: view } : { seen: JSON.stringify(view.settings) }
    })
  })

/** A container writes its configuration again when it starts. */
const TAG = `
echo 'tags: {nofailover: true}' >>/run/failover-lab/patroni.yml
kill -HUP $(</run/failover-lab/patroni.pid)`

/** Tags a database `nofailover`, and waits until the others see that. */
export const exclude = (lab: Lab, name: DatabaseName, { step }: Reporter): Promise<PatroniView> =>
  changing(lab, async () => {
    await step(`Tag ${name} nofailover`, ({ tell }) =>
      act(tell, ['exec', databaseNamed(lab, name).container, 'bash', '-c', TAG]),
    )
    return until(`the tag of ${name}`, { seconds: 10, patience: lab.settings.patience }, async () => {
      const view = await needView(lab)
      const tags = view.members.find((member) => member.name === name)?.tags
      return tags?.['nofailover'] === true ? { done: view } : { seen: `its tags are ${JSON.stringify(tags)}` }
    })
  })
