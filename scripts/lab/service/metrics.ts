import { attempt } from '../docker/command.ts'
import type { ServerNode } from '../topology/topology.ts'

// With bash, which the image has: a client would take more memory than the server that is measured.
const ASK = "exec 3<>/dev/tcp/127.0.0.1/9464 && printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3"

/** A server's own metrics, by name and labels as they are written; undefined if it does not answer. */
export async function metricsOf(server: ServerNode): Promise<ReadonlyMap<string, number> | undefined> {
  const asked = await attempt(['exec', server.container, 'bash', '-c', ASK])
  if (asked.exit !== 0) return undefined
  const lines = asked.stdout.split('\n').filter((line) => /^[a-z]\w*(\{.*\})? [\d.e+-]+$/.test(line))
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ')
      return [line.slice(0, end), Number(line.slice(end + 1))]
    }),
  )
}
