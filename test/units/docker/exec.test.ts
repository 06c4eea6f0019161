import fc from 'fast-check'
import { test } from 'tap'
import { framesTo } from '../../../scripts/lab/docker/exec.ts'

const frame = (output: 1 | 2, text: string): Buffer => {
  const body = Buffer.from(text)
  const header = Buffer.alloc(8)
  header[0] = output
  header.writeUInt32BE(body.length, 4)
  return Buffer.concat([header, body])
}

test('both outputs of a command are told apart, in whatever frames and pieces they come', async (t) => {
  const output = fc.constantFrom('stdout' as const, 'stderr' as const)
  fc.assert(
    fc.property(
      fc.array(fc.tuple(output, fc.string({ unit: 'grapheme' }))),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      (frames, sizes) => {
        const heard = { stdout: '', stderr: '' }
        const hear = framesTo((which, text) => {
          heard[which] += text
        })
        let bytes = Buffer.concat(frames.map(([which, text]) => frame(which === 'stdout' ? 1 : 2, text)))
        for (let piece = 0; bytes.length > 0; piece++) {
          const size = sizes[piece % sizes.length] ?? 1
          hear(bytes.subarray(0, size))
          bytes = bytes.subarray(size)
        }
        const said = (which: 'stdout' | 'stderr') =>
          frames
            .filter(([output]) => output === which)
            .map(([, text]) => text)
            .join('')
        return heard.stdout === said('stdout') && heard.stderr === said('stderr')
      },
    ),
  )
  t.pass()
})
