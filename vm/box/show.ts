import { basename, relative } from 'node:path'
import type { Box } from './build.ts'
import { MEMBERS } from './members.ts'

const facts = ({ path, bytes, sha256 }: Box): readonly string[] => [
  `box     ${relative(process.cwd(), path)}`,
  `size    ${(bytes / 1e6).toFixed(0)} MB`,
  `sha256  ${sha256}`,
]

/** What to do with a box that was built for this machine. */
export const builtText = (name: string, box: Box): string =>
  [
    ...facts(box),
    `Next: vagrant up. If a machine of an earlier build is there, first: vagrant destroy && vagrant box remove ${name}`,
    '',
  ].join('\n')

/** What is in a classroom's box, and what is typed on each machine that gets it. */
export function handOutText(name: string, box: Box): string {
  const file = basename(box.path)
  return [
    ...Object.entries(box.info ?? {}).map(([key, value]) => `${key.padEnd(12)}${value}`),
    '',
    ...facts(box),
    '',
    'On each machine, with this file in the present folder:',
    `  vagrant box add --name ${name} --checksum-type sha256 --checksum ${box.sha256} ${file}`,
    `  tar -xOf ${file} ${MEMBERS.project} | tar -x`,
    '  cd failover-lab && vagrant up',
    '',
  ].join('\n')
}
