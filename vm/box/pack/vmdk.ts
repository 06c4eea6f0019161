import { type FileHandle, open } from 'node:fs/promises'

const SECTOR = 512
const MAGIC = 'KDMV'
/** Bits of the header's flags: the pieces are compressed, and each has a marker before it. */
const COMPRESSED_WITH_MARKERS = 0b11 << 16

/** The header of a streamOptimized VMDK: the disk's size in bytes, and the number of its pieces in the file. */
export type Vmdk = { readonly capacity: number; readonly grains: number }

/** Reads a streamOptimized VMDK as VirtualBox's import does, and throws an error if the import would fail. */
export async function readVmdk(path: string): Promise<Vmdk> {
  await using file = await open(path)
  const { capacity, start } = header(await read(file, 0, SECTOR))
  return { capacity, grains: await countGrains(file, start, capacity) }
}

function header(bytes: Buffer): { capacity: number; start: number } {
  const magic = bytes.toString('latin1', 0, 4)
  if (magic !== MAGIC) throw new Error(`a VMDK begins with ${MAGIC}, this with ${JSON.stringify(magic)}`)
  const [version, flags] = [bytes.readUInt32LE(4), bytes.readUInt32LE(8)]
  if (version !== 3) throw new Error(`a streamOptimized VMDK has version 3, this has ${version}`)
  if ((flags & COMPRESSED_WITH_MARKERS) !== COMPRESSED_WITH_MARKERS) {
    throw new Error(`this VMDK is not streamOptimized: its flags are 0x${flags.toString(16)}`)
  }
  return { capacity: Number(bytes.readBigUInt64LE(12)) * SECTOR, start: Number(bytes.readBigUInt64LE(64)) * SECTOR }
}

/** Follows the markers (where the piece belongs, how many bytes follow) up to the one that ends the stream. */
async function countGrains(file: FileHandle, start: number, capacity: number): Promise<number> {
  let at = start
  let last = -1
  for (let grains = 0; ; grains++) {
    const marker = await read(file, at, SECTOR)
    const [place, length] = [Number(marker.readBigUInt64LE(0)) * SECTOR, marker.readUInt32LE(8)]
    if (length === 0) {
      if (marker.some((byte) => byte !== 0)) throw new Error(`there is another marker than the last at byte ${at}`)
      return grains
    }
    if (place <= last || place >= capacity) throw new Error(`the piece at byte ${at} is out of order`)
    last = place
    at += Math.ceil((12 + length) / SECTOR) * SECTOR
  }
}

async function read(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, at)
  if (bytesRead < length) throw new Error(`the file ends at byte ${at + bytesRead}, in the middle of the stream`)
  return buffer
}
