import { attempt } from '../docker/command.ts'
import { execIn } from '../docker/exec.ts'
import { labError } from '../errors.ts'
import type { Tell } from '../steps.ts'
import { type DatabaseNode, type Lab, SCOPE, type StoreNode } from '../topology/topology.ts'

/** What Patroni has in the stores is below this. */
const KEYS = `/service/${SCOPE}/`
/** As Patroni itself: its password is in every store's container. */
const AS_PATRONI = 'etcdctl --command-timeout=3s --user "patroni:$(</run/secrets/patroni)"'

/** Whether a store answers, and agrees with another one: `SERVING`, or why not. */
export async function healthOfStore({ container }: StoreNode): Promise<string> {
  const ask = `${AS_PATRONI} get ${KEYS} --prefix --keys-only --limit 1`
  const { exit, stderr } = await execIn(container, ['bash', '-c', ask])
  if (exit === 0) return 'SERVING'
  const [said = 'it does not answer'] = /(?<=desc = |^Error: ).*$/m.exec(stderr) ?? []
  return said
}

/** Forgets all that Patroni knows of the lab: its members begin as in a new one. */
export const forgetScope = (tell: Tell, lab: Lab): Promise<void> => forgetKeys(tell, lab, `--prefix ${KEYS}`)

/** Forgets members that are gone: otherwise each counts until its last sign of life is as old as a lease. */
export async function forgetMembers(tell: Tell, lab: Lab, gone: readonly DatabaseNode[]): Promise<void> {
  for (const { name } of gone) await forgetKeys(tell, lab, `${KEYS}members/${name}`)
}

async function forgetKeys(tell: Tell, { stores: [store] }: Lab, keys: string): Promise<void> {
  if (store === undefined) return
  const script = `${AS_PATRONI} del ${keys}`
  const command = ['exec', store.container, 'bash', '-c', script]
  tell(`docker ${command.slice(0, -1).join(' ')} '${script}'`)
  const { exit, stderr } = await attempt(command)
  if (exit !== 0) throw labError('ENGINE_REFUSED', { exit, command: `docker ${command.join(' ')}`, stderr })
}
