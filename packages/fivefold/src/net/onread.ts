/** The `onread` option: what comes is put into one buffer of the program's, and no `data` is emitted. */
import type { OnReadOpts } from 'node:net'

type Callback = (this: unknown, ...args: Parameters<OnReadOpts['callback']>) => boolean

export class UserBuffer {
  #buffer: Uint8Array
  readonly #next: (() => Uint8Array) | null
  readonly #callback: Callback
  /** What did not fit before the callback said stop. */
  #rest: Uint8Array | null = null

  constructor(buffer: Uint8Array, next: (() => Uint8Array) | null, callback: Callback) {
    this.#buffer = buffer
    this.#next = next
    this.#callback = callback
  }

  /**
   * @param stream what the callback is called on
   * @param flow tells whether the callback has paused the stream
   * @returns false: the callback wants no more now
   */
  take(chunk: Uint8Array, stream: unknown, flow: { readonly reading: boolean }): boolean {
    let rest = chunk
    while (rest.length > 0) {
      const buffer = this.#buffer
      const part = rest.length > buffer.length ? rest.subarray(0, buffer.length) : rest
      buffer.set(part)
      rest = rest.subarray(part.length)
      const more = this.#callback.call(stream, part.length, buffer) as boolean | undefined
      const next = this.#next?.()
      if (next instanceof Uint8Array) this.#buffer = next
      if (more !== false && flow.reading) continue
      this.#rest = rest.length > 0 ? rest : null
      return false
    }
    return true
  }

  /** Goes on with what was left. @returns false: the callback wants no more now */
  resume(stream: unknown, flow: { readonly reading: boolean }): boolean {
    const rest = this.#rest
    this.#rest = null
    return rest === null || this.take(rest, stream, flow)
  }
}

/** The buffer that the options of a socket name, or null. */
export function userBufferOf(onread: unknown): UserBuffer | null {
  if (typeof onread !== 'object' || onread === null) return null
  const { buffer, callback } = onread as { buffer?: unknown; callback?: unknown }
  if (typeof callback !== 'function') return null
  if (buffer instanceof Uint8Array) return new UserBuffer(buffer, null, callback as Callback)
  if (typeof buffer !== 'function') return null
  const next = buffer as () => Uint8Array
  const first = next()
  return first instanceof Uint8Array ? new UserBuffer(first, next, callback as Callback) : null
}
