// What a text says to type: which verbs and options it names, and whether there are such.
import type { Command } from 'commander'

/** A verb as its command line is defined. */
export type Verb = {
  readonly name: string
  /** Options that it takes with any of its commands. */
  readonly options: ReadonlySet<string>
  /** Options of each of its commands. */
  readonly commands: ReadonlyMap<string, ReadonlySet<string>>
  /** The command that is meant if none is named. */
  readonly usual: string | undefined
}

type Hidden = { readonly _defaultCommandName?: string | null }

const optionsOf = (command: Command): ReadonlySet<string> => new Set(command.options.map(({ long }) => long ?? ''))

/** The verb that a program is the command line of. */
export const verbOf = (name: string, program: Command): Verb => ({
  name,
  options: optionsOf(program),
  commands: new Map(program.commands.map((command) => [command.name(), optionsOf(command)])),
  // Commander keeps it to itself.
  usual: (program as unknown as Hidden)._defaultCommandName ?? undefined,
})

/** Whether a verb takes an option with that one of its commands; with any of them if no command is given. */
export function takes(verb: Verb, option: string, command?: string): boolean {
  if (verb.options.has(option)) return true
  if (command !== undefined) return verb.commands.get(command)?.has(option) === true
  return [...verb.commands.values()].some((options) => options.has(option))
}

type Mention = {
  readonly verb: Verb | string
  readonly command: string | undefined
  readonly from: number
  readonly to: number
}

// A word of a command ends where a sentence goes on.
const WORDS = '(?:(?: +(?:"[^"`]*"|[^\\s`\'"|;()>]+))*)'
const FORMS = [
  new RegExp(`\\bzx (?:scripts|vm)/(?<name>[\\w-]+)\\.ts(?<rest>${WORDS})`, 'g'),
  new RegExp(`\\bnpm (?:run (?:-s )?(?=[a-z])|(?=test\\b))(?<name>[\\w:-]+)(?: --(?= )(?<rest>${WORDS}))?`, 'g'),
]
const SPAN = /`([^`]+)`/g
const OPTION = /(?<![\w-])--[a-z][a-z-]*/g
/** Commands of others, whose options are not ours. */
const FOREIGN = /^(?:\$ )?(?:sudo )?(?:docker|vagrant|virsh|git|node|npx|npm ci|apt-get|psql|cp|awk)\b/

/** Verbs that a text mentions, in their order. */
function mentionsIn(text: string, verbs: ReadonlyMap<string, Verb>, context: readonly Verb[]): readonly Mention[] {
  const named = FORMS.flatMap((form) =>
    [...text.matchAll(form)].map((match) => {
      const { 0: whole, groups: { name = '', rest = '' } = {} } = match
      return mention(verbs.get(name) ?? name, rest, match.index, match.index + whole.length)
    }),
  )
  const spans = [...text.matchAll(SPAN)].flatMap((match) => {
    const [first = '', ...rest] = (match[1] ?? '').split(' ')
    const end = match.index + match[0].length
    const verb = verbs.get(first)
    if (verb !== undefined) return [mention(verb, rest.join(' '), match.index, end)]
    const owner = context.find(({ commands }) => commands.has(first))
    return owner === undefined ? [] : [mention(owner, match[1] ?? '', match.index, end)]
  })
  return [...named, ...spans].sort((a, b) => a.from - b.from)
}

function mention(verb: Verb | string, rest: string, from: number, to: number): Mention {
  // What comes after a comma or a full stop is prose.
  const [args = ''] = rest.split(/[,.:](?= |$)/)
  const words = args.trim().split(/ +/)
  const command = typeof verb === 'string' ? undefined : words.find((word) => verb.commands.has(word))
  return { verb, command, from, to: to - (rest.length - args.length) }
}

/**
 * What is wrong with the names in a text: verbs that do not exist, and options that the verb beside them has not. An
 * option that stands alone belongs to the verb that is named before it, or to one that the whole text is about.
 */
export function problemsIn(text: string, verbs: ReadonlyMap<string, Verb>, context: readonly Verb[] = []): string[] {
  const mentions = mentionsIn(text, verbs, context)
  const unknown = mentions.flatMap(({ verb }) => (typeof verb === 'string' ? [`there is no ${verb}`] : []))
  const foreign = [...text.matchAll(SPAN)]
    .filter(([, code]) => FOREIGN.test(code ?? ''))
    .map((match) => [match.index, match.index + match[0].length])
  const options = FOREIGN.test(text) ? [] : [...text.matchAll(OPTION)].filter(([option]) => option !== '--help')
  const misplaced = options.flatMap(({ 0: option, index }) => {
    if (foreign.some(([from = 0, to = 0]) => index >= from && index < to)) return []
    const inside = mentions.find(({ from, to }) => index >= from && index < to)
    const nearest = inside ?? mentions.findLast(({ to }) => to <= index)
    if (typeof nearest?.verb === 'string') return []
    if (inside !== undefined && nearest !== undefined) {
      const { verb, command } = nearest
      return takes(verb, option, command ?? verb.usual) ? [] : [`${verb.name} ${command ?? ''} has no ${option}`]
    }
    if (nearest !== undefined && takes(nearest.verb, option, nearest.command)) return []
    if (context.some((verb) => takes(verb, option))) return []
    return [`${option} belongs to nobody who is named before it`]
  })
  return [...unknown, ...misplaced]
}
