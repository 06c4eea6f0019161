import { basename, relative } from 'node:path'
import type { Box } from './build.ts'
import { MEMBERS } from './classroom/members.ts'
import { type BoxSettings, ownArchitecture } from './settings.ts'

const facts = ({ path, bytes, sha256 }: Box): readonly string[] => [
  `box     ${relative(process.cwd(), path)}`,
  `size    ${(bytes / 1e6).toFixed(0)} MB`,
  `sha256  ${sha256}`,
]

/** What to do with boxes that are not for a classroom. */
export const builtText = ({ box, architecture }: BoxSettings, boxes: readonly Box[]): string =>
  [
    ...boxes.flatMap(facts),
    architecture === ownArchitecture()
      ? `Next: vagrant up. If a machine of an earlier build is there, first: vagrant destroy && vagrant box remove ${box}`
      : `Next: copy it to vm/build on a machine with ${architecture}, and there: vagrant up. The first one needs a network.`,
    '',
  ].join('\n')

/** What is in a classroom's boxes, and what is typed on each machine that gets one. */
export const handOutText = (name: string, boxes: readonly Box[]): string =>
  boxes.map((box) => handOut(name, box)).join('\n')

function handOut(name: string, box: Box): string {
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
