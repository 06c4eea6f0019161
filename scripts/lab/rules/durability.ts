import type { Facts } from '../postgres/observe.ts'

/** The value of `synchronous_commit` for each level. Each level costs more and survives more than the one before. */
export const LEVELS = {
  async: { commit: 'on' },
  remote_write: { commit: 'remote_write' },
  on: { commit: 'on' },
  remote_apply: { commit: 'remote_apply' },
} as const

export type Level = keyof typeof LEVELS

export const isLevel = (word: string | null | undefined): word is Level => word != null && Object.hasOwn(LEVELS, word)

/** The level that a primary's settings make; undefined if they make none of ours. */
export function levelInForce({ synchronousCommit, synchronousStandbys }: Facts): Level | undefined {
  if (synchronousStandbys === '') return synchronousCommit === 'on' ? 'async' : undefined
  return (Object.keys(LEVELS) as Level[]).find(
    (level) => level !== 'async' && LEVELS[level].commit === synchronousCommit,
  )
}

/**
 * Which standbys a commit waits for. `first`: one, the named node if it is there, else the next of the others. `any`: so many of
 * them, whichever are the fastest.
 */
export type Rule =
  | { readonly kind: 'first'; readonly node: string | null }
  | { readonly kind: 'any'; readonly count: number }

/** What was chosen: how far a commit has to get, and with which standbys. */
export type Choice = { readonly level: Level; readonly rule: Rule }

/** In the order of the topology. */
export const IN_ORDER: Rule = { kind: 'first', node: null }
export const ASYNC: Choice = { level: 'async', rule: IN_ORDER }

/** A choice in a few words, as the database keeps it. */
export const choiceText = ({ level, rule }: Choice): string =>
  rule.kind === 'any' ? `${level} any ${rule.count}` : rule.node === null ? level : `${level} first ${rule.node}`

/** Reads these words; async if they are none of ours. */
export function choiceIn(text: string | null): Choice {
  const [level, kind, value = ''] = (text ?? '').split(' ')
  if (!isLevel(level)) return ASYNC
  if (kind === 'any' && /^[1-9]$/.test(value)) return { level, rule: { kind, count: Number(value) } }
  return { level, rule: kind === 'first' && value !== '' ? { kind, node: value } : IN_ORDER }
}

/** The value of `synchronous_standby_names` for a choice, on a primary with these standbys. */
export function synchronousNames({ level, rule }: Choice, standbys: readonly string[]): string {
  if (level === 'async') return ''
  const quote = (names: readonly string[]) => names.map((name) => `"${name}"`).join(', ')
  if (rule.kind === 'any') return `ANY ${rule.count} (${quote(standbys)})`
  const ordered = inOrder(rule.node, standbys)
  return ordered.length > 1 ? `FIRST 1 (${quote(ordered)})` : quote(ordered)
}

/** The standbys with that one in front. It may be the primary now: then the order is that of the topology. */
const inOrder = (first: string | null, standbys: readonly string[]): readonly string[] => [
  ...standbys.filter((name) => name === first),
  ...standbys.filter((name) => name !== first),
]

/**
 * How many of `standbys` have every acknowledged commit between them, whichever they are: with a commit on any `count`, only
 * `count` - 1 may be missing. With `first` it may be on any single one: the first may have been away for a while. At async no
 * commit waits for one, so none of them has to have it.
 */
export const enoughToKnow = ({ level, rule }: Choice, standbys: number): number =>
  level === 'async' ? 0 : Math.max(1, standbys - (rule.kind === 'any' ? rule.count : 1) + 1)

/** How many of them a failover has to hear in any case. With `first` the old primary's own WAL may show that nothing is missing. */
export const mustBeHeard = (choice: Choice, standbys: number): number =>
  choice.rule.kind === 'any' ? enoughToKnow(choice, standbys) : 0

/** Whether every commit waits for a standby that is not there. */
export const commitsHang = ({ synchronousCommit, synchronousStandbys, standbys }: Facts): boolean =>
  synchronousStandbys !== '' &&
  !['local', 'off'].includes(synchronousCommit) &&
  standbys.filter(({ sync }) => sync === 'sync' || sync === 'quorum').length < waitedFor(synchronousStandbys)

/** What a rule means on a lab with these standbys, in sentences. */
export function ruleText({ level, rule }: Choice, standbys: readonly string[]): string {
  const of = standbys.length
  if (level === 'async' || of === 1) return ''
  if (rule.kind === 'first')
    return `a commit waits for one standby: the first of ${inOrder(rule.node, standbys).join(', ')} that is there. Any one machine may be lost; but before a failover, all ${of} have to answer, unless the primary's disk shows that nothing is missing`
  const heard = mustBeHeard({ level, rule }, of)
  const may =
    rule.count === 1 ? 'the primary may be lost' : `the primary and ${rule.count - 1} of the standbys may be lost`
  return `a commit waits for any ${rule.count} of ${of} standbys, the fastest. After it ${may}; but before a failover, ${heard} of the ${of} ${heard === 1 ? 'has' : 'have'} to answer`
}

/** What a level means: what a commit waits for, and what it survives and can lose then. */
export type LevelText = { readonly waitsFor: string; readonly survives: string; readonly loses: string }

/** The same for a choice, on a lab with so many standbys; commits never wait for one that follows another standby. */
export function levelText({ level, rule }: Choice, standbys: number): LevelText {
  const count = rule.kind === 'any' ? rule.count : 1
  const isAll = count >= standbys
  const one = isAll ? "the standby's" : "one standby's"
  const those = isAll ? `all ${count} standbys` : `any ${count} standbys`
  const machines = count === 1 ? 'one machine' : `${count} machines`
  const disk = isAll ? 'one disk is left' : "the primary's disk is left, or one that it waited for"
  const loses = `nothing that was acknowledged, as long as ${disk}`
  switch (level) {
    case 'async':
      return {
        waitsFor: "the primary's own disk",
        survives: 'a crash of the primary, if the primary comes back',
        loses: 'what the promoted standby has not received, if there is a failover',
      }
    case 'remote_write':
      return {
        waitsFor:
          count === 1 ? `also the operating system of ${one} machine` : `also the operating systems of ${those}`,
        survives: `the loss of any ${machines}, and a crash of every PostgreSQL`,
        loses: `what ${count === 1 ? 'that standby has' : 'those standbys have'} not written to disk, if the machines of the primary and of ${count === 1 ? 'that standby' : 'those'} fail at once`,
      }
    case 'on':
      return {
        waitsFor: count === 1 ? `also ${one} disk` : `also the disks of ${those}`,
        survives: `the loss of any ${machines}, and a crash of all`,
        loses,
      }
    case 'remote_apply': {
      const reads = isAll
        ? `a read on ${count === 1 ? 'the' : 'any'} standby sees every acknowledged write`
        : 'a read on a standby that it did not wait for may lack the write'
      return {
        waitsFor: `also ${count === 1 ? `${one} replay` : `the replay of ${those}`}: then reads there show the write`,
        survives: `as much as \`on\`; ${isAll ? 'and' : 'but'} ${reads}`,
        loses,
      }
    }
  }
}

/** How many standbys have to stream, so that commits return. */
export const mustStream = ({ level, rule }: Choice): number =>
  level === 'async' ? 0 : rule.kind === 'any' ? rule.count : 1

/** The words that choose it on the command line. */
export const optionsFor = ({ level, rule }: Choice): string =>
  rule.kind === 'any' ? `${level} --quorum ${rule.count}` : rule.node === null ? level : `${level} --first ${rule.node}`

/** The choice with which commits return if only so many standbys stream; undefined if there is none at that level. */
export const fewer = (choice: Choice, streaming: number): Choice | undefined =>
  streaming > 0 && streaming < mustStream(choice)
    ? { level: choice.level, rule: { kind: 'any', count: streaming } }
    : undefined

/** How many standbys a commit waits for, by `synchronous_standby_names`. */
const waitedFor = (names: string): number => Number(/^(?:ANY|FIRST) (\d+)/.exec(names)?.[1] ?? 1)

/** What was chosen last; async if nothing was. */
export const choiceOf = ({ chosenLevel }: Facts): Choice => choiceIn(chosenLevel)

/** What is in force, in a few words; null if the settings make no level of ours. A failover leaves a primary at async. */
export function inForceText(facts: Facts): string | null {
  const level = levelInForce(facts)
  const chosen = choiceOf(facts)
  if (level !== 'async') return level === undefined ? null : choiceText({ level, rule: chosen.rule })
  return chosen.level === 'async' ? level : `async, until rejoin restores ${choiceText(chosen)}`
}
