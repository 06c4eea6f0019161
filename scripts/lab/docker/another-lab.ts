import { roundPortOffset } from '../topology/free-ports.ts'
import { look } from './command.ts'

/** A free name for another lab: nothing on the engine has a name that begins with it. */
export function freeName(taken: readonly string[]): string {
  for (let nth = 2; ; nth++) if (!taken.some((name) => name.startsWith(`lab${nth}-`))) return `lab${nth}`
}

/** Settings of a lab whose names and ports are free now. */
export async function anotherLab(): Promise<{ readonly another: string; readonly offset: number }> {
  const listed = await Promise.all([
    look(['ps', '--all', '--format', '{{.Names}}']),
    look(['volume', 'ls', '--format', '{{.Name}}']),
    look(['network', 'ls', '--format', '{{.Name}}']),
  ])
  const taken = listed.flatMap((names) => names.split(/[\n,]/))
  return { another: freeName(taken), offset: await roundPortOffset() }
}
