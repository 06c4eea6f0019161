import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import { access, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { LabError, labError } from '../errors.ts'
import type { Lab, Secret } from '../topology/topology.ts'
import { stateFolder } from './folder.ts'
import { isKept } from './kept-votes.ts'
import { makePrivateFolder, writePrivately } from './private-files.ts'

/** Roles of the database. */
const ROLES: readonly Secret[] = ['owner', 'service', 'replicator', 'monitor']
/** Of the managers. */
const OTHERS: readonly Secret[] = ['etcd', 'patroni', 'rest']
const NAMES: readonly Secret[] = [...ROLES, ...OTHERS]

const verifierFile = (name: Secret) => `${name}.scram`

/** Files beside the passwords with what a database stores for each. */
export const VERIFIERS: readonly string[] = ROLES.map(verifierFile)

/** The passwords of one lab. */
export type Secrets = Readonly<Record<Secret, string>>

/** One file for each password, outside the checkout, so that none is ever committed or copied with it. */
export const secretsFolder = (lab: Lab): string => join(stateFolder(lab), 'secrets')

/** The lab's passwords, or undefined if it has none yet. A lab of an older version gets those that it lacks. */
export async function readSecrets(lab: Lab): Promise<Secrets | undefined> {
  const folder = secretsFolder(lab)
  const added = async (name: Secret) => {
    const password = newPassword()
    await writePrivately(join(folder, name), password)
    return password
  }
  const read = async (name: Secret) => {
    const text = await readFile(join(folder, name), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' || ROLES.includes(name)) throw error
      return added(name)
    })
    if (!/^[0-9a-f]{48}$/.test(text))
      throw labError('SECRETS_BROKEN', { folder, problem: `${name} is not a password that the lab made` })
    return [name, text] as const
  }
  try {
    const roles = await Promise.all(ROLES.map(read))
    return Object.fromEntries([...roles, ...(await Promise.all(OTHERS.map(read)))]) as Secrets
  } catch (error) {
    if (error instanceof LabError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw labError('SECRETS_BROKEN', { folder, problem: message })
  }
}

const newPassword = (): string => randomBytes(24).toString('hex')

/** Makes new passwords and stores them, readable by their owner only. */
export async function createSecrets(lab: Lab): Promise<Secrets> {
  const folder = secretsFolder(lab)
  const draft = `${folder}.${process.pid}`
  await makePrivateFolder(draft)
  const secrets = Object.fromEntries(NAMES.map((name) => [name, newPassword()])) as Secrets
  for (const name of NAMES) await writePrivately(join(draft, name), secrets[name])
  await rm(folder, { recursive: true, force: true })
  await rename(draft, folder)
  return secrets
}

/** Makes the verifiers that are missing: a lab of an older version has none. */
export async function keepVerifiers(lab: Lab, secrets: Secrets): Promise<void> {
  for (const name of ROLES) {
    const file = join(secretsFolder(lab), verifierFile(name))
    const there = await access(file).then(
      () => true,
      () => false,
    )
    if (!there) await writePrivately(file, verifierOf(secrets[name]))
  }
}

/**
 * Deletes all that the lab keeps about itself on this machine, except lists of lost votes, and locks: the command that has one
 * removes it.
 */
export async function forgetLab(lab: Lab): Promise<void> {
  const folder = stateFolder(lab)
  const its = (await readdir(folder)).filter((name) => !name.endsWith('.lock') && !isKept(name))
  for (const name of its) await rm(join(folder, name), { recursive: true, force: true })
}

const ITERATIONS = 4096

/**
 * What PostgreSQL stores for a password (RFC 5803). Nobody can log in with it. A database gets only this, so it can check a
 * password without having it, and a logged statement cannot show one.
 */
function verifierOf(password: string, salt = randomBytes(16)): string {
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256')
  const key = (purpose: string) => createHmac('sha256', salted).update(purpose).digest()
  const stored = createHash('sha256').update(key('Client Key')).digest('base64')
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${stored}:${key('Server Key').toString('base64')}`
}
