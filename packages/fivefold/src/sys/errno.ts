/**
 * Errors in Node's shape: `code` ('ECONNRESET'), `errno` (negative), `syscall` (the man page's name), and
 * `address`, `port` or `path` where they apply.
 */
import { constants } from 'node:os'
import { getSystemErrorMap } from 'node:util'

/** Positive errno numbers by name, of this architecture. */
export const errnos = constants.errno

const known = getSystemErrorMap()

/** The name of a negative errno: `-104` is `'ECONNRESET'`. */
export function errnoName(negative: number): string {
  return known.get(negative)?.[0] ?? extraNames.get(-negative) ?? `Unknown system error ${negative}`
}

// libuv's map leaves out what it never meets; os.constants knows some more.
const extraNames = new Map<number, string>()
for (const [name, value] of Object.entries(constants.errno)) {
  if (!known.has(-value) && !extraNames.has(value)) extraNames.set(value, name)
}
for (const [value, name] of [
  [25, 'ENOTTY'],
  [77, 'EBADFD'],
  [120, 'EISNAM'],
  [130, 'EOWNERDEAD'],
  [133, 'EHWPOISON'],
] as const) {
  if (!known.has(-value) && !extraNames.has(value)) extraNames.set(value, name)
}

/** What every failed call throws or rejects with. */
export interface SystemError extends NodeJS.ErrnoException {
  code: string
  errno: number
  syscall: string
  address?: string
  port?: number
}

/** Where an error happened, for its message and fields. */
export interface ErrorPlace {
  path?: string
  address?: string
  port?: number
}

/**
 * Makes the error of a failed call.
 * @param negative the errno, negative as the raw functions return it
 * @param syscall the man page's name
 * @param detail what helps: the cure where there is one, or the place
 */
export function systemError(negative: number, syscall: string, detail?: string | ErrorPlace): SystemError {
  const code = errnoName(negative)
  const text = known.get(negative)?.[1] ?? code
  const place = typeof detail === 'object' ? detail : {}
  const where = place.path ?? (place.port === undefined ? place.address : `${place.address}:${place.port}`)
  const suffix = typeof detail === 'string' ? ` (${detail})` : where === undefined ? '' : ` ${where}`
  const error = new Error(`${syscall} ${code}: ${text}${suffix}`) as SystemError
  error.code = code
  error.errno = negative
  error.syscall = syscall
  if (place.path !== undefined) error.path = place.path
  if (place.address !== undefined) error.address = place.address
  if (place.port !== undefined) error.port = place.port
  return error
}

/** Passes a result on, or throws the error that a negative one stands for. */
export function check(result: number, syscall: string, detail?: string | ErrorPlace): number {
  if (result < 0) throw systemError(result, syscall, detail)
  return result
}
