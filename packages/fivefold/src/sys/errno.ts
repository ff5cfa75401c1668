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

// libuv's map leaves out what it never meets; os.constants knows some of that, this the rest of uapi/asm-generic/errno.h (x86-64 and arm64 share it).
const extraNames = new Map<number, string>([
  [15, 'ENOTBLK'],
  [25, 'ENOTTY'],
  [44, 'ECHRNG'],
  [45, 'EL2NSYNC'],
  [46, 'EL3HLT'],
  [47, 'EL3RST'],
  [48, 'ELNRNG'],
  [50, 'ENOCSI'],
  [51, 'EL2HLT'],
  [52, 'EBADE'],
  [53, 'EBADR'],
  [54, 'EXFULL'],
  [55, 'ENOANO'],
  [56, 'EBADRQC'],
  [57, 'EBADSLT'],
  [59, 'EBFONT'],
  [65, 'ENOPKG'],
  [66, 'EREMOTE'],
  [68, 'EADV'],
  [69, 'ESRMNT'],
  [70, 'ECOMM'],
  [73, 'EDOTDOT'],
  [76, 'ENOTUNIQ'],
  [77, 'EBADFD'],
  [78, 'EREMCHG'],
  [79, 'ELIBACC'],
  [80, 'ELIBBAD'],
  [81, 'ELIBSCN'],
  [82, 'ELIBMAX'],
  [83, 'ELIBEXEC'],
  [85, 'ERESTART'],
  [86, 'ESTRPIPE'],
  [87, 'EUSERS'],
  [96, 'EPFNOSUPPORT'],
  [109, 'ETOOMANYREFS'],
  [117, 'EUCLEAN'],
  [118, 'ENOTNAM'],
  [119, 'ENAVAIL'],
  [120, 'EISNAM'],
  [123, 'ENOMEDIUM'],
  [124, 'EMEDIUMTYPE'],
  [126, 'ENOKEY'],
  [127, 'EKEYEXPIRED'],
  [128, 'EKEYREVOKED'],
  [129, 'EKEYREJECTED'],
  [130, 'EOWNERDEAD'],
  [131, 'ENOTRECOVERABLE'],
  [132, 'ERFKILL'],
  [133, 'EHWPOISON'],
])

for (const [name, value] of Object.entries(constants.errno)) {
  if (!extraNames.has(value)) extraNames.set(value, name)
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
