/** The messages between the thread of the load and the experiment: what to do, and what happened. */
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

/** To the load: tell the first acknowledged vote that began after that moment; or stop. */
export type LoadCommand = { readonly kind: 'tell'; readonly after: number } | { readonly kind: 'stop' }

/** From the load: calls have begun; that vote was acknowledged; all calls have ended. */
export type LoadNews =
  | { readonly kind: 'begun' }
  | { readonly kind: 'acknowledged'; readonly at: number }
  | ({ readonly kind: 'ended' } & LoadEnd)

/** The number of calls of the load, and why it ended early, if it did. */
export type LoadEnd = { readonly calls: number; readonly cut: string | null }
