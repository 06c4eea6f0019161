import { proxySettings } from '../../../vm/proxy.ts'

/** Sets the machine's proxies for this process and all that it starts. Labs are reached without them: gRPC would use one. */
export function useProxies(): void {
  Object.assign(process.env, proxySettings(process.env, [process.env['LAB_BIND'] ?? '']))
}
