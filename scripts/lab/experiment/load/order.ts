/** What the load has to do, and what it tells of it: the messages between its thread and the experiment. */
export type LoadOrder = {
  readonly address: string
  readonly patience: number
  /** When the run began, milliseconds since the epoch. */
  readonly origin: number
  readonly voters: number
  readonly readers: number
  /** The file for the history. */
  readonly file: string
  /** Seconds after which it ends by itself. */
  readonly seconds: number
}

/** To the load: tell of the first acknowledged vote that began after that moment; or end. */
export type LoadCommand = { readonly kind: 'tell'; readonly after: number } | { readonly kind: 'stop' }

/** From the load: calls have begun; such a vote was acknowledged; all calls have ended. */
export type LoadNews =
  | { readonly kind: 'begun' }
  | { readonly kind: 'acknowledged'; readonly at: number }
  | ({ readonly kind: 'ended' } & LoadEnd)

/** How many calls the load made, and why it ended before it was asked to, if it did. */
export type LoadEnd = { readonly calls: number; readonly cut: string | null }
