import type { Tell } from '../steps.ts'
import type { AnyNode } from '../topology/topology.ts'
import { type Answer, engine, refusalOf, refused } from './api.ts'
import { typed } from './command.ts'

/** Where a database's volume is inside its container. Its folder `data` is PostgreSQL's data directory. */
export const VOLUME_FOLDER = '/var/lib/postgresql'
/** Where a store's volume is inside its container. */
export const STORE_FOLDER = '/var/lib/etcd'
/** Where the repository of backups is, which all databases of a lab share. */
export const BACKUPS_FOLDER = '/var/lib/pgbackrest'

/**
 * A file of a database's volume, running or not, without starting anything on it; or why it cannot be read. Of a long file
 * it reads only the first part that is enough.
 */
export async function fileOf(
  node: AnyNode,
  file: string,
  enough: (beginning: Buffer) => boolean = () => false,
): Promise<{ bytes: Buffer } | { problem: string }> {
  const answer = await archived(node, file, enough)
  if (answer.status !== 200) return { problem: refusalOf(answer) }
  // The archive has one file: a header with its size in octal digits, then its content.
  const size = Number.parseInt(answer.body.toString('latin1', 124, 135), 8)
  return { bytes: answer.body.subarray(TAR_BLOCK, TAR_BLOCK + size) }
}

/**
 * The bytes of a file in a database's volume, running or not; undefined if it cannot be found. To send a file, the engine starts
 * a process of its own; to look at it, it starts none.
 */
export async function sizeOf(node: AnyNode, file: string): Promise<number | undefined> {
  const answer = await engine('HEAD', `/containers/${node.container}/archive?path=${VOLUME_FOLDER}/${file}`)
  const described = answer.headers['x-docker-container-path-stat']
  if (answer.status !== 200 || typeof described !== 'string') return undefined
  return JSON.parse(Buffer.from(described, 'base64').toString()).size
}

/** Whether a database's volume has such a file, running or not. If the engine does not say so clearly, that is an error. */
export async function hasFile(node: AnyNode, file: string): Promise<boolean> {
  if ((await sizeOf(node, file)) !== undefined) return true
  // Why there is none is in the answer to this question only.
  const answer = await archived(node, file, () => true)
  if (answer.status === 200) return true
  if (answer.status === 404 && !/no such container/i.test(refusalOf(answer))) return false
  throw refused(['cp', `${node.container}:${VOLUME_FOLDER}/${file}`, '-'], answer)
}

/** Copies a file out of a folder of one node's volume to the top of another one's, whether or not the nodes run. */
export async function copyBetween(tell: Tell, from: AnyNode, to: AnyNode, folder: string, file: string): Promise<void> {
  const [there, here] = [`${from.container}:${VOLUME_FOLDER}/${folder}/${file}`, `${to.container}:${VOLUME_FOLDER}`]
  tell(`docker cp ${there} - | docker cp - ${here}`)
  const read = await archived(from, `${folder}/${file}`, () => false)
  if (read.status !== 200) throw refused(['cp', there, '-'], read)
  const path = `/containers/${to.container}/archive?path=${VOLUME_FOLDER}`
  const written = await engine('PUT', path, { body: read.body })
  if (written.status !== 200) throw refused(['cp', '-', here], written)
}

/** The names of the files in a folder of a database's volume, running or not; none if there is no such folder. */
export async function namesIn(node: AnyNode, folder: string): Promise<readonly string[]> {
  const answer = await archived(node, folder, () => false)
  // An archive: each file has a header of its own, which begins with its path.
  const headers = answer.status === 200 ? answer.body.toString('latin1') : ''
  const prefix = `${folder.split('/').at(-1)}/`
  return [...headers.matchAll(new RegExp(`${prefix}([^/\\0]+)\\0`, 'g'))].map(([, name = '']) => name)
}

const archived = (node: AnyNode, file: string, enough: (beginning: Buffer) => boolean): Promise<Answer> =>
  engine('GET', `/containers/${node.container}/archive?path=${VOLUME_FOLDER}/${file}`, {
    enough: (body) => enough(body.subarray(TAR_BLOCK)),
  })

/** Tells the command and puts a small file into a database's volume, running or not. It is the node's user's, and nobody else's. */
export async function putFile(tell: Tell, node: AnyNode, name: string, lines: readonly string[]): Promise<void> {
  const copy = ['cp', '-', `${node.container}:${VOLUME_FOLDER}`]
  const pack = `tar --owner=${node.uid} --group=${node.uid} --mode=0600 -c ${name}`
  const write = lines.length === 0 ? ':' : `printf '%s\\n' ${lines.map(typed).join(' ')}`
  tell(`${write} >${name} && ${pack} | docker ${copy.join(' ')}`)
  const body = archiveOf(name, lines.map((line) => `${line}\n`).join(''), node.uid)
  const answer = await engine('PUT', `/containers/${node.container}/archive?path=${VOLUME_FOLDER}`, { body })
  if (answer.status !== 200) throw refused(copy, answer)
}

const TAR_BLOCK = 512

/** The archive that `tar` would make of that file. It is made here, because a failover waits for it. */
export function archiveOf(name: string, content: string, uid: number): Buffer {
  const header = Buffer.alloc(TAR_BLOCK)
  const octal = (value: number, at: number, digits: number) =>
    header.write(value.toString(8).padStart(digits, '0'), at, 'latin1')
  header.write(name, 0)
  octal(0o600, 100, 7)
  octal(uid, 108, 7)
  octal(uid, 116, 7)
  octal(Buffer.byteLength(content), 124, 11)
  octal(Math.floor(Date.now() / 1000), 136, 11)
  // The sum of all bytes of the header counts its own field as spaces.
  header.write(' '.repeat(8), 148)
  header.write('0', 156)
  header.write('ustar\x0000', 257)
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  )
  header[154] = 0
  const body = Buffer.alloc(Math.ceil(Buffer.byteLength(content) / TAR_BLOCK) * TAR_BLOCK)
  body.write(content)
  return Buffer.concat([header, body, Buffer.alloc(2 * TAR_BLOCK)])
}
