#!/usr/bin/env node
// Prints, as JSON, what the lab's images are made of. build-images.sh runs it beside the engine in the box, which knows.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { $ } from 'zx/core'
import { DPKG_FORMAT, type Installed, parsePackages } from './installed.ts'

/** One of the lab's images in the box. */
export type DescribedImage = {
  /** Its name without owner and version: `postgres`. */
  readonly name: string
  readonly tag: string
  /** Debian packages in it, name to version. */
  readonly packages: Installed
  /** Folders of its layers below the engine's own, the lowest first. */
  readonly layers: readonly string[]
}

if (import.meta.main) console.log(JSON.stringify(await describeImages()))

/** All of the lab's images that the engine has, by name. */
async function describeImages(): Promise<readonly DescribedImage[]> {
  const run = $({ quiet: true })
  const tags = (await run`docker image ls --filter reference=failover-lab/* --format ${'{{.Repository}}:{{.Tag}}'}`)
    .lines()
    .sort()
  return Promise.all(
    tags.map(async (tag) => ({
      name: basename(tag.split(':')[0] ?? ''),
      tag,
      packages: await packagesOf(tag),
      layers: layersOf(
        JSON.parse((await run`docker image inspect --format ${'{{json .GraphDriver.Data}}'} ${tag}`).stdout),
      ),
    })),
  )
}

/** Read from a container that is never started. */
async function packagesOf(tag: string): Promise<Installed> {
  const run = $({ quiet: true })
  const folder = await mkdtemp(join(tmpdir(), 'packages-'))
  const container = (await run`docker create --network none ${tag}`).stdout.trim()
  try {
    await run`docker cp ${container}:/var/lib/dpkg ${folder}`
    return parsePackages((await run`dpkg-query --admindir ${folder}/dpkg -W -f ${DPKG_FORMAT}`).stdout)
  } finally {
    await run`docker rm ${container}`
    await rm(folder, { recursive: true })
  }
}

/** From paths like /var/lib/docker/overlay2/<folder>/diff, the highest layer first. */
function layersOf({ LowerDir = '', UpperDir }: { LowerDir?: string; UpperDir: string }): string[] {
  const paths = [UpperDir, ...LowerDir.split(':').filter((path) => path !== '')]
  return paths.map((path) => basename(dirname(path))).reverse()
}
