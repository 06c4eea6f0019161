import { PROXY_VARIABLES } from './proxy.ts'

/**
 * Arguments of `sudo` that run a command as root with this user's path, settings and proxies. They name the variables,
 * and do not hold their values: sudo logs its arguments, and every user sees them.
 */
export function asRoot(environment: NodeJS.ProcessEnv, command: readonly string[]): string[] {
  const kept = Object.keys(environment).filter((name) => name.startsWith('LAB_') || PROXY_VARIABLES.includes(name))
  const preserve = kept.length === 0 ? [] : [`--preserve-env=${kept.join(',')}`]
  // PATH sudo sets itself, whatever is to be preserved.
  return [...preserve, 'env', `PATH=${environment['PATH'] ?? ''}`, ...command]
}
