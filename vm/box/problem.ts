/** Something that stops the work and that its reader can repair: what and where, and the one thing to do about it. */
export class Problem extends Error {
  readonly fix: string

  constructor(what: string, fix: string) {
    super(what)
    this.name = 'Problem'
    this.fix = fix
  }
}
