/** Addresses that no proxy is asked for: a lab on this machine is reached at them. */
const HERE = ['localhost', '127.0.0.1', '::1']

/** A machine's proxy settings, each under both names that programs look for; apt and gRPC read only the lower ones. */
export const PROXY_VARIABLES: readonly string[] = ['http_proxy', 'https_proxy', 'no_proxy'].flatMap((name) => [
  name,
  name.toUpperCase(),
])

/**
 * What has to be set in `environment` so that every program finds its proxies, and no call to a lab goes through one:
 * neither to this machine's loopback nor to the addresses of `direct`. Nothing where no proxy is set.
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
  // no_grpc_proxy goes before no_proxy, where it is set.
  const wanted = [...PROXY_VARIABLES, ...names.filter((name) => name === 'no_grpc_proxy')]
  return Object.fromEntries(
    wanted
      .map((name) => [name, /^no_/i.test(name) ? without(name).join(',') : given(name)] as const)
      .filter(([, value]) => value !== ''),
  )
}

/** A text in which addresses are without the user and password that some of them hold. */
export const withoutPasswords = (text: string): string => text.replace(/(\w:\/\/)[^\s/@]+@/g, '$1***@')
