import fc from 'fast-check'
import { test } from 'tap'
import { outputsIn } from '../../../scripts/lab/docker/exec.ts'

const frame = (output: 1 | 2, text: string): Buffer => {
  const body = Buffer.from(text)
  const header = Buffer.alloc(8)
  header[0] = output
  header.writeUInt32BE(body.length, 4)
  return Buffer.concat([header, body])
}

test('both outputs of a command are told apart, in whatever frames they come', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom(1 as const, 2 as const), fc.string())), (frames) => {
      const of = (output: 1 | 2) =>
        frames
          .filter(([which]) => which === output)
          .map(([, text]) => text)
          .join('')
          .trimEnd()
      const found = outputsIn(Buffer.concat(frames.map(([output, text]) => frame(output, text))))
      return found.stdout === of(1) && found.stderr === of(2)
    }),
  )
  t.pass()
})
