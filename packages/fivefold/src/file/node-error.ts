/**
 * Errors as node:fs/promises has them, to the letter: `errno`, `code`, `syscall`, `path`, and its message, which puts
 * the call behind the reason.
 */
import { getSystemErrorMap } from 'node:util'
import { errnoName } from '../sys/errno.js'

const known = getSystemErrorMap()

/**
 * The error of a failed call on a file.
 * @param negative the errno, negative
 * @param syscall as libuv names it: 'open', 'read', 'write', 'fsync', …
 * @param path of the calls that take one
 * @param help what lies behind it and would help, where the errno does not tell
 */
export function nodeError(
  negative: number,
  syscall: string,
  path?: string,
  help?: string,
): NodeJS.ErrnoException {
  const code = errnoName(negative)
  const text = known.get(negative)?.[1] ?? 'unknown error'
  const place = path === undefined ? '' : ` '${path}'`
  // The stack would show the library's own turn, and costs as much as the call.
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  const error: NodeJS.ErrnoException = new Error(
    `${code}: ${text}, ${syscall}${place}${help === undefined ? '' : ` (${help})`}`,
  )
  Error.stackTraceLimit = stackTraceLimit
  error.errno = negative
  error.code = code
  error.syscall = syscall
  if (path !== undefined) error.path = path
  return error
}

/** What an aborted signal rejects with: as Node's own, which it does not export. */
export class AbortError extends Error {
  readonly code = 'ABORT_ERR'

  constructor(signal: AbortSignal) {
    super('The operation was aborted', { cause: signal.reason })
    // Node's has a name of its own, not its class's.
    this.name = 'AbortError'
  }
}

/** @throws AbortError */
export function checkAborted(signal: AbortSignal | null | undefined): void {
  if (signal?.aborted) throw new AbortError(signal)
}
