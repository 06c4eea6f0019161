import { PROXY_VARIABLES } from './network/proxy.ts'

/**
 * Arguments of `sudo` that run a command as root with this user's path, settings and proxies. They contain
 * the names of the variables, not their values: sudo logs its arguments, and every user can see them.
 */
export function asRoot(environment: NodeJS.ProcessEnv, command: readonly string[]): string[] {
  const kept = Object.keys(environment).filter((name) => name.startsWith('LAB_') || PROXY_VARIABLES.includes(name))
  const preserve = kept.length === 0 ? [] : [`--preserve-env=${kept.join(',')}`]
  // sudo always sets PATH itself, even if it is told to preserve PATH.
  return [...preserve, 'env', `PATH=${environment['PATH'] ?? ''}`, ...command]
}
