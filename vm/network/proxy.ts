/** No proxy is asked for these addresses: clients reach a lab on this machine at them. */
const HERE = ['localhost', '127.0.0.1', '::1']

/** A machine's proxy settings, each under both names that programs look for; apt and gRPC read only the lower ones. */
export const PROXY_VARIABLES: readonly string[] = ['http_proxy', 'https_proxy', 'no_proxy'].flatMap((name) => [
  name,
  name.toUpperCase(),
])

/**
 * Variables to set so that every program finds the proxies in `environment`, and no call to a lab goes through one: calls to
 * this machine's loopback and to the addresses in `direct` go directly. Empty if no proxy is set.
 */
export function proxySettings(
  environment: NodeJS.ProcessEnv,
  direct: readonly string[] = [],
): Readonly<Record<string, string>> {
  const names = Object.keys(environment).filter((name) => environment[name])
  if (!names.some((name) => /^(https?|all|grpc)_proxy$/i.test(name))) return {}
  const given = (name: string) =>
    environment[name] || environment[name.toUpperCase()] || environment[name.toLowerCase()] || ''
  const without = (name: string) => [...new Set([...given(name).split(/[\s,]+/), ...HERE, ...direct])].filter(Boolean)
  // If no_grpc_proxy is set, gRPC reads it instead of no_proxy.
  const wanted = [...PROXY_VARIABLES, ...names.filter((name) => name === 'no_grpc_proxy')]
  return Object.fromEntries(
    wanted
      .map((name) => [name, /^no_/i.test(name) ? without(name).join(',') : given(name)] as const)
      .filter(([, value]) => value !== ''),
  )
}

/** A text in which addresses are without the user and password that some of them hold. */
export const withoutPasswords = (text: string): string => text.replace(/(\w:\/\/)[^\s/@]+@/g, '$1***@')
