import { proxySettings } from '../../../vm/proxy.ts'

/** Lets this process, and all that it starts, find the machine's proxies, and reach labs without them: gRPC would else call them too. */
export function heedProxies(): void {
  Object.assign(process.env, proxySettings(process.env, [process.env['LAB_BIND'] ?? '']))
}
