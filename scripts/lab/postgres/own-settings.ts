/** The files in a database's data that have settings: `ALTER SYSTEM` writes the first, people edit the second. */
export const OWN_FILES = ['postgresql.auto.conf', 'postgresql.conf'] as const
type OwnFile = (typeof OWN_FILES)[number]
/** Their texts. */
export type OwnFiles = Readonly<Partial<Record<OwnFile, string>>>

type OwnSetting = { readonly name: string; readonly value: string; readonly file: OwnFile }

/** What the verbs and the image set themselves. */
const OURS = new Set(['synchronous_commit', 'synchronous_standby_names', 'include', 'include_if_exists'])

/** The first line of a file that Patroni writes: what others put there is gone at the next start. */
const BY_PATRONI = /^# It will be overwritten by Patroni!/m

/** The settings in these files that somebody else set. */
const ownSettings = (files: OwnFiles): readonly OwnSetting[] =>
  OWN_FILES.filter((file) => !BY_PATRONI.test(files[file] ?? '')).flatMap((file) =>
    (files[file] ?? '').split('\n').flatMap((line) => {
      const [, name = '', value = ''] = /^\s*([\w.]+)\s*=?\s*(.*)$/.exec(line) ?? []
      return name === '' || OURS.has(name) ? [] : [{ name, value, file }]
    }),
  )

/** A setting with which a database cannot start or be reached: what it said, and how `sed` removes it from which files. */
export type Hindrance = {
  readonly setting: string
  readonly said: string
  readonly sed: string
  readonly files: readonly OwnFile[]
}

/** Settings that decide whether the other nodes reach a database that runs. */
const REACHED_BY = ['listen_addresses', 'port', 'hba_file', 'ident_file', 'max_wal_senders', 'ssl']
/** The settings that decide whether anybody reaches it. */
const ANSWERS_BY = ['unix_socket_directories', 'max_connections', 'superuser_reserved_connections']

/** What PostgreSQL logs about a setting without naming it. */
const SAID_OF: readonly (readonly [RegExp, readonly string[]])[] = [
  [/certificate|private key|SSL/i, ['ssl', 'ssl_cert_file', 'ssl_key_file', 'ssl_ca_file']],
  [
    /shared memory|Cannot allocate memory|semaphores|huge pages/i,
    ['shared_buffers', 'max_connections', 'huge_pages', 'wal_buffers', 'max_locks_per_transaction'],
  ],
  [/listen socket|TCP\/IP socket|host name/i, ['listen_addresses', 'port']],
  [/Unix-domain socket|lock file/i, ['unix_socket_directories']],
  [/could not access file|could not load library/i, ['shared_preload_libraries']],
  [/hba|ident/i, ['hba_file', 'ident_file']],
  [/data directory|data_directory/i, ['data_directory']],
]

/** The setting that keeps a database from starting, according to the end of its log; undefined if none does. */
export function settingThatStops(log: string, files: OwnFiles): Hindrance | undefined {
  const reasons = log.split('\n').filter((line) => /(?:FATAL|PANIC|ERROR|LOG|HINT|DETAIL|WARNING): /.test(line))
  const phrase = (line: string) => line.replace(/^.*?((?:FATAL|PANIC|ERROR|LOG|HINT|DETAIL|WARNING): )/, '$1')
  // If it was started several times, the last start counts.
  for (const line of reasons.toReversed()) {
    const [, name, number] = /\/data\/(postgresql(?:\.auto)?\.conf)" line (\d+)/.exec(line) ?? []
    const file = OWN_FILES.find((it) => it === name)
    if (file === undefined || !/syntax error|unrecognized|invalid/.test(line)) continue
    const text = files[file]?.split('\n')[Number(number) - 1] ?? ''
    return {
      setting: `on line ${number} of its ${file}, "${text}"`,
      said: phrase(line),
      sed: `${number}d`,
      files: [file],
    }
  }
  const own = ownSettings(files)
  const fatal = reasons.findLast((line) => /FATAL|PANIC/.test(line))
  if (fatal === undefined || own.length === 0) return undefined
  const last = reasons.slice(Math.max(0, reasons.lastIndexOf(fatal) - 3)).reverse()
  for (const line of [fatal, ...last]) {
    const named = own.filter(({ name }) => new RegExp(`\\b${name}\\b`).test(line))
    if (named.length > 0) return hindrance(named, phrase(fatal))
  }
  for (const [says, names] of SAID_OF) {
    const named = own.filter(({ name }) => names.includes(name))
    if (named.length > 0 && last.some((line) => says.test(line))) return hindrance(named, phrase(fatal))
  }
  return undefined
}

/** The setting with which a running database cannot be reached. `silent`: what happened when it was asked. */
export function settingThatHides(files: OwnFiles, silent: string | undefined): Hindrance | undefined {
  const names = silent === undefined ? REACHED_BY : [...REACHED_BY, ...ANSWERS_BY]
  const hiding = ownSettings(files).filter(({ name }) => names.includes(name))
  return hiding.length === 0 ? undefined : hindrance(hiding, silent ?? 'the other nodes do not reach it')
}

const hindrance = (settings: readonly OwnSetting[], said: string): Hindrance => ({
  setting: settings.map(({ name, value }) => `${name} = ${value}`).join(', '),
  said: said.trim(),
  sed: settings.map(({ name }) => `/^ *${name.replaceAll('.', '\\.')}\\b/d`).join('; '),
  files: OWN_FILES.filter((it) => settings.some(({ file }) => file === it)),
})
