import fc from 'fast-check'
import { test } from 'tap'
import { allImports, circlesIn, type Import } from '../../rooms.ts'

/**
 * The rooms of scripts/lab, from the top floor down: a file may import what is in its own room or in one that stands
 * below. `not`: rooms below that it may not know all the same; `typesOf`: of these it may know types only.
 */
const ROOMS: readonly {
  readonly room: string
  readonly not?: readonly string[]
  readonly typesOf?: readonly string[]
}[] = [
  { room: 'terminal' },
  { room: 'exercise' },
  { room: 'bench', not: ['experiment'] },
  { room: 'experiment' },
  { room: 'verbs' },
  { room: 'managers' },
  { room: 'faults' },
  { room: 'rules', not: ['service', 'docker', 'state'], typesOf: ['postgres'] },
  { room: 'postgres', not: ['service'] },
  { room: 'service' },
  { room: 'docker' },
  { room: 'state' },
  { room: 'topology' },
  { room: 'the root' },
]

/**
 * Parts of the project, and what each may know of the others. In vm/ the command is on top of what builds the box. What runs
 * beside Vagrant is Ruby, which knows no TypeScript; both read vm/settings.json. What runs in the VM imports nothing.
 */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  'exercises/': ['scripts/lab/exercise/face.ts'],
  'scripts/': ['proto/', 'vm/network/'],
  'server/': ['proto/'],
  'proto/': [],
  Vagrantfile: ['vm/host/'],
  'vm/host/': [],
  'vm/box.ts': ['vm/box/', 'vm/network/'],
  'vm/box/': ['vm/network/'],
  'vm/network/': [],
}

const LAB = 'scripts/lab/'
const partOf = (file: string): string | undefined => Object.keys(PARTS).find((part) => file.startsWith(part))
const roomOf = (file: string): string => (/\//.test(file.slice(LAB.length)) ? file.split('/')[2] : 'the root') ?? ''

/** What is wrong with an import, in one sentence; undefined if nothing is. */
function fault({ from, to, types }: Import): string | undefined {
  const part = partOf(from)
  if (part === undefined) return `${from} is in none of ${Object.keys(PARTS).join(', ')}`
  const known = PARTS[part] ?? []
  if (!to.startsWith(part) && !known.some((it) => to.startsWith(it)))
    return `${from} imports ${to}: ${part} may know ${known.join(', ') || 'no other part'}`
  if (!from.startsWith(LAB) || !to.startsWith(LAB)) return undefined
  const [here, there] = [roomOf(from), roomOf(to)]
  if (here === there) return undefined
  const at = ROOMS.findIndex(({ room }) => room === here)
  const below = ROOMS.slice(at + 1).map(({ room }) => room)
  const { not = [], typesOf = [] } = ROOMS[at] ?? {}
  const allowed = below.filter((room) => !not.includes(room))
  if (at >= 0 && allowed.includes(there) && (types || !typesOf.includes(there))) return undefined
  const named = allowed.map((room) => (typesOf.includes(room) ? `${room} (types only)` : room))
  return `${from} imports ${to}: ${here} may know ${named.join(', ') || 'no other room'}`
}

test('imports run down from room to room, never up', async (t) => {
  const imports = allImports()
  t.ok(imports.length > 500, `${imports.length} imports were read`)
  t.strictSame(imports.flatMap((it) => fault(it) ?? []).sort(), [])
  t.match(fault({ from: `${LAB}docker/images.ts`, to: `${LAB}verbs/setup.ts`, types: false }), /docker may know state/)
  t.match(fault({ from: `${LAB}rules/members.ts`, to: `${LAB}postgres/session.ts`, types: false }), /types only/)
  const stray = (from: string, to: string) => fault({ from, to, types: true })
  t.match(stray('scripts/lab/settings.ts', 'vm/box/settings.ts'), 'scripts/ may know proto/, vm/network/')
  t.match(stray('vm/network/proxy.ts', 'vm/box/problem.ts'), 'vm/network/ may know no other part')
  t.match(stray('vm/host/ports.rb', 'vm/box/settings.ts'), 'vm/host/ may know no other part')
  t.match(stray('exercises/01/exercise.ts', 'scripts/lab/verbs/setup.ts'), 'may know scripts/lab/exercise/face.ts')
  t.match(stray('vm/more/new.ts', 'vm/network/proxy.ts'), 'vm/more/new.ts is in none of exercises/, scripts/')
})

test('no files import each other in a circle', async (t) => {
  t.strictSame(circlesIn(allImports()), [])
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 6 }), (length, tail) => {
      const names = Array.from({ length: length + tail }, (_, index) => `${index}.ts`)
      const line = names.map((from, index) => ({ from, to: `${index + 1}.ts`, types: false }))
      const back = { from: `${length - 1}.ts`, to: '0.ts', types: true }
      return circlesIn(line).length === 0 && circlesIn([...line, back]).length > 0
    }),
  )
})
