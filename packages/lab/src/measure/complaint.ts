/** What went wrong in a measuring process: by its kind, so that the command can say it in its language. */
import type { Text } from '../text/language.js'

export type ComplaintKind = keyof Text['compare']['complaints']

export interface Complaint {
  readonly kind: ComplaintKind
  /** A call with its errno, a position, a message of the library. */
  readonly what: string
  readonly times: number
}

/** Gathers complaints; the same one again is counted. */
export class Complaints {
  total = 0
  readonly #found = new Map<string, { kind: ComplaintKind; what: string; times: number }>()

  add(kind: ComplaintKind, what = '', times = 1): void {
    this.total += times
    const key = `${kind} ${what}`
    const known = this.#found.get(key)
    if (known === undefined) this.#found.set(key, { kind, what, times })
    else known.times += times
  }

  /** The first few of them. */
  list(): Complaint[] {
    return [...this.#found.values()].slice(0, 3)
  }
}

export function complaintText({ kind, what, times }: Complaint, text: Text): string {
  return text.compare.complaint(text.compare.complaints[kind](what), times)
}
