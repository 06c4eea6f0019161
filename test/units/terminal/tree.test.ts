import { test } from 'tap'
import { inTree } from '../../../scripts/lab/terminal/tree.ts'
import type { NodeStatus } from '../../../scripts/lab/verbs/node-status.ts'
import type { LabStatus } from '../../../scripts/lab/verbs/status.ts'

type Role = 'primary' | 'silent' | 'server' | `of ${string}`

/** The names of nodes with these roles, as the table shows them: one dot for each that is above it. */
function shown(roles: Readonly<Record<string, Role>>): string {
  const nodes = Object.entries(roles).map(([name, role]) => ({
    name,
    kind: role === 'server' ? 'server' : 'database',
    database: role.startsWith('of ')
      ? { role: 'standby', upstream: role.slice(3) }
      : role === 'primary'
        ? { role, upstream: null }
        : null,
  })) as unknown as readonly NodeStatus[]
  const primaries = Object.keys(roles).filter((name) => roles[name] === 'primary') as LabStatus['primaries']
  return inTree({ nodes, primaries })
    .map(({ node, depth }) => '.'.repeat(depth) + node.name)
    .join(' ')
}

test('without a cascade the nodes stay in their order, whoever is silent', async (t) => {
  t.equal(shown({ p: 'primary', a: 'of p', b: 'of p', s: 'server' }), 'p a b s')
  t.equal(shown({ p: 'silent', a: 'of p', b: 'of p', s: 'server' }), 'p a b s')
  t.equal(shown({ p: 'of b', a: 'silent', b: 'primary' }), 'p a b')
  t.equal(shown({ p: 'primary', a: 'of elsewhere' }), 'p a')
})

test('with a cascade each standby stands under its upstream, a silent one too; a circle is shown as well', async (t) => {
  t.equal(shown({ p: 'primary', a: 'of p', b: 'of a', c: 'of p', s: 'server' }), 'p .a ..b .c s')
  t.equal(shown({ p: 'of b', a: 'of p', b: 'primary', s: 'server' }), 'b .p ..a s')
  t.equal(shown({ p: 'primary', a: 'silent', b: 'of a', c: 'of b', s: 'server' }), 'p a .b ..c s')
  t.equal(shown({ p: 'silent', a: 'of p', b: 'of a', s: 'server' }), 'p .a ..b s')
  t.equal(shown({ p: 'primary', a: 'of b', b: 'of a', s: 'server' }), 'p a b s')
})
