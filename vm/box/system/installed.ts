import type { Run } from '../step.ts'

/** Debian packages that are installed somewhere: name to version. */
export type Installed = Readonly<Record<string, string>>

/** Packages of the box's own system. */
export async function machinePackages(run: Run, root: string): Promise<Installed> {
  return parsePackages((await run`dpkg-query --admindir ${root}/var/lib/dpkg -W -f ${DPKG_FORMAT}`).stdout)
}

/** The output of dpkg-query with DPKG_FORMAT, as names and versions of what is installed. */
export const parsePackages = (text: string): Installed =>
  Object.fromEntries(
    text
      .split('\n')
      .map((line) => line.split(' '))
      .flatMap(([status, name, version]) =>
        status === 'installed' && name !== undefined && version !== undefined ? [[name, version]] : [],
      ),
  )

/** What `parsePackages` reads. */
export const DPKG_FORMAT = `\${db:Status-Status} \${Package} \${Version}\n`
