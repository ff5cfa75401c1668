/** What `connect` and `listen` are called with, in all the forms that Node's have. */
import { isIP } from 'node:net'
import { NodeServer, NodeSocket } from './node.js'

type Callback = (...args: never[]) => void

/** The options, and the callback where there is one. */
export type Normalized = [options: Record<string, unknown>, callback: Callback | null]

/** `(options)`, `(port, host)` or `(path)`, each with a callback or without. */
export function normalize(args: readonly unknown[]): Normalized {
  const [first, second] = args
  if (Array.isArray(first) && normalized.has(first)) return first as unknown as Normalized
  let options: Record<string, unknown> = {}
  if (typeof first === 'object' && first !== null) options = first as Record<string, unknown>
  else if (isPath(first)) options.path = first
  else if (args.length > 0) {
    options.port = first
    if (typeof second === 'string') options.host = second
  }
  const last = args[args.length - 1]
  const result: Normalized = [options, typeof last === 'function' ? (last as Callback) : null]
  normalized.add(result)
  return result
}

/** Arguments that have been through this already: an array of options is none. */
const normalized = new WeakSet<object>()

/** Arguments that have been through Node's. */
export function known<T extends object>(args: T): T {
  normalized.add(args)
  return args
}

export function isPath(value: unknown): value is string {
  return typeof value === 'string' && numberOf(value) === false
}

export function numberOf(value: unknown): number | false {
  const number = Number(value)
  return number >= 0 ? number : false
}

function noop(): void {}

/**
 * Throws what Node throws for such `connect` options, if it does. Node's own code says what is wrong: the words and
 * the codes are then those of the Node that runs.
 */
export function checkConnect(options: Record<string, unknown>): void {
  if (plausible(options)) return
  const { lookup } = options
  const asks = lookup === undefined || lookup === null || typeof lookup === 'function'
  const probe = new NodeSocket().on('error', noop)
  try {
    probe.connect({ ...options, ...(asks ? { lookup: noop } : undefined) } as never)
  } finally {
    probe.destroy()
  }
}

function plausible(options: Record<string, unknown>): boolean {
  const { path, port, host, localAddress, localPort, autoSelectFamily, lookup } = options
  const timeout = options.autoSelectFamilyAttemptTimeout
  if (path !== undefined && path !== null && path !== '') return typeof path === 'string'
  return (
    isPort(port) &&
    (host === undefined || host === null || (typeof host === 'string' && !host.includes('\0'))) &&
    (localAddress === undefined || (typeof localAddress === 'string' && isIP(localAddress) !== 0)) &&
    (localPort === undefined || typeof localPort === 'number') &&
    (autoSelectFamily === undefined || typeof autoSelectFamily === 'boolean') &&
    (timeout === undefined || (Number.isInteger(timeout) && (timeout as number) > 0)) &&
    (lookup === undefined || lookup === null || typeof lookup === 'function')
  )
}

/** A port as Node takes it without a word. */
export function isPort(port: unknown): boolean {
  if (typeof port === 'string') return /^[0-9]{1,5}$/.test(port) && Number(port) < 65536
  return typeof port === 'number' && Number.isInteger(port) && port >= 0 && port < 65536
}

/** Throws what Node throws for these arguments of `listen`, if it does. */
export function checkListen(args: readonly unknown[]): void {
  const probe = new NodeServer().on('error', noop)
  try {
    probe.listen(...(args as []))
  } finally {
    probe.close()
  }
}

/** Throws what Node throws for this duration, if it does. */
export function checkTimeout(msecs: unknown, callback: unknown): void {
  const plain = typeof msecs === 'number' && msecs >= 0 && Number.isFinite(msecs)
  if (plain && (callback === undefined || typeof callback === 'function')) return
  const probe = new NodeSocket()
  try {
    probe.setTimeout(msecs as number, callback as () => void)
  } finally {
    probe.destroy()
  }
}
