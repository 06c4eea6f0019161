import { spawnSync } from 'node:child_process'
import { PROXY_VARIABLES } from '../network/proxy.ts'
import { Problem } from './problem.ts'

/** Runs a program of Node as root, through sudo, and gives its exit code. */
export function throughSudo(program: string, given: readonly string[]): number {
  // Ctrl-C reaches sudo and the program by itself; this process only has to wait until they have cleaned up.
  process.on('SIGINT', () => {})
  const command = asRoot(process.env, [process.execPath, program, ...given])
  const { status, error } = spawnSync('sudo', command, { stdio: 'inherit' })
  if (error) throw new Problem('there is no sudo on this machine', 'run this as root')
  return status ?? 1
}

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
