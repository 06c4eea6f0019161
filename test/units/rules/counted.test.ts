import { test } from 'tap'
import { countedOf } from '../../../scripts/lab/rules/counted.ts'
import { data, drawn, lettersOf } from './lab.ts'

const P = 'primary'
const A = 'db-replica'
const [B, C] = ['db-replica-2', 'db-replica-3'] as const
const old = 'db-primary'

test('commits may be on all but those that are known to follow another standby, or to be left behind', async (t) => {
  const cases: readonly (readonly [Parameters<typeof drawn>[0], Parameters<typeof countedOf>[1], string])[] = [
    [{ P, A: 'P', B: 'P', C: 'P' }, {}, 'PABC'],
    [{ P, A: 'P', B: 'A', C: 'B' }, {}, 'PA'],
    // By the data of one that is silent, and of its upstream.
    [{ P: 'silent', A: 'P', B: 'silent', C: 'P' }, { [B]: data('standby', 1, A) }, 'PAC'],
    [{ P: 'silent', A: 'P', B: 'silent', C: 'P' }, { [B]: data('follower', 1, A) }, 'PAC'],
    [{ P: 'silent', A: 'P', B: 'silent', C: 'P' }, { [B]: data('standby', 1, old) }, 'PABC'],
    [{ P: 'silent', A: 'P', B: 'silent', C: 'P' }, {}, 'PABC'],
    [{ P: 'silent', A: 'silent', B: 'A', C: 'P' }, { [A]: data('standby', 1, old) }, 'PAC'],
    [{ P: 'silent', A: 'silent', B: 'A', C: 'P' }, {}, 'PABC'],
    [
      { P: 'silent', A: 'silent', B: 'silent', C: 'P' },
      { [A]: data('standby', 1, old), [B]: data('standby', 1, A) },
      'PAC',
    ],
    // Nobody knows whom those of a circle followed before.
    [
      { P: 'silent', A: 'silent', B: 'silent', C: 'P' },
      { [A]: data('standby', 1, B), [B]: data('standby', 1, A) },
      'PABC',
    ],
    [{ P: 'silent', A: 'B', B: 'A', C: 'A' }, {}, 'PABC'],
    // A failover fenced it, and promoted another one.
    [{ P: 'silent', A: P, B: 'A', C: 'A' }, { [old]: data('fenced', 1) }, 'ABC'],
    [{ P: 'silent', A: P, B: 'A', C: 'A' }, { [old]: data('fenced', 2) }, 'PABC'],
    [{ P: 'silent', A: P, B: 'A', C: 'silent' }, { [old]: data('fenced', 1), [C]: data('standby', 2, B) }, 'AB'],
  ]
  for (const [picture, down, counted] of cases)
    t.equal(lettersOf(countedOf(drawn(picture), down, 2)), counted, JSON.stringify([picture, down]))
})
