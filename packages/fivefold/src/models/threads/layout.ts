/** What a thread and whoever starts it agree on before anything else of the library is loaded. */

/** Part of what every thread is born with: one word; see begin.ts. */
export interface Begin {
  readonly begin: SharedArrayBuffer
}

export const BEGUN = 1
export const CALLED_OFF = 2
