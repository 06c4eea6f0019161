import { isIPv6 } from 'node:net'

/** Whether a text is host:port, as a client can connect to it; an IPv6 address stands in brackets. */
export function isAddress(text: string): boolean {
  const [, bracketed, host = '', port] = /^(?:\[(.+)\]|([^\s:/[\]@?#%]+)):(\d{1,5})$/u.exec(text) ?? []
  const reachable = bracketed === undefined ? host.length > 0 && host.length <= 253 : isIPv6(bracketed)
  return reachable && Number(port) >= 1 && Number(port) <= 65535
}
