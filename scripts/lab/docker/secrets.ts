import { labError } from '../errors.ts'
import { run } from '../run.ts'
import { secretsFolder, VERIFIERS } from '../state/secrets.ts'
import type { Tell } from '../steps.ts'
import type { AnyNode, Lab } from '../topology/topology.ts'
import { engine, refused } from './api.ts'
import { typed } from './command.ts'

/** A node's passwords inside its container. It is a volume: files cannot be put into a folder in memory before the start. */
export const SECRETS_FOLDER = 'run/secrets'

/** Secrets are files of the node's own user, running or not: neither `docker inspect` nor another node can see them. */
export async function putSecrets(tell: Tell, lab: Lab, node: AnyNode): Promise<void> {
  const files = secretFilesOf(node)
  if (files.length === 0) return
  const owner = [`--owner=${node.uid}`, `--group=${node.uid}`, '--mode=0400']
  const pack = ['-C', secretsFolder(lab), ...owner, '-c', ...files]
  const copy = ['cp', '-', `${node.container}:/${SECRETS_FOLDER}`]
  tell(`tar ${pack.map(typed).join(' ')} | docker ${copy.join(' ')}`)
  const packed = await run('tar', pack)
  if (packed.exit !== 0) throw labError('ENGINE_REFUSED', { exit: packed.exit, command: 'tar', stderr: packed.stderr })
  const path = `/containers/${node.container}/archive?path=/${SECRETS_FOLDER}`
  const answer = await engine('PUT', path, { body: packed.stdout })
  if (answer.status !== 200) throw refused(copy, answer)
}

const secretFilesOf = (node: AnyNode): readonly string[] => [
  ...node.secrets,
  ...(node.kind === 'database' ? VERIFIERS : []),
]

/** Whether a node's secrets are where it reads them: somebody in its container may have removed them. */
export async function hasSecrets(node: AnyNode): Promise<boolean> {
  const files = secretFilesOf(node)
  if (files.length === 0) return true
  const { status, body } = await engine('GET', `/containers/${node.container}/archive?path=/${SECRETS_FOLDER}`)
  // An archive of the folder: each name stands at the beginning of a header, and is followed by zeros.
  return status === 200 && files.every((name) => body.includes(`secrets/${name}\0`))
}
