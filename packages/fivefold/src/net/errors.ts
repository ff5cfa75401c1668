/**
 * Errors as Node's `net` makes them: the same codes, messages and fields, so that what programs match on matches.
 * What is wrong with an argument is said by Node itself wherever that is possible (see `askNode` in socket.ts).
 */
import { getSystemErrorMap } from 'node:util'

/** The call and the code alone, as `read ECONNRESET`. */
export function callError(errno: number, syscall: string): NodeJS.ErrnoException {
  const code = nameOf(errno)
  return Object.assign(new Error(`${syscall} ${code}`), { errno, code, syscall })
}

/** As `connect ECONNREFUSED 127.0.0.1:80 - Local (0.0.0.0:1234)`. */
export function placeError(
  errno: number,
  syscall: string,
  address: string | undefined | null,
  port?: number,
  local?: string,
): NodeJS.ErrnoException {
  const code = nameOf(errno)
  const where = placeText(address, port)
  const error = new Error(`${syscall} ${code}${where}${local === undefined ? '' : ` - Local (${local})`}`)
  return withPlace(Object.assign(error, { errno, code, syscall }), address, port)
}

/** As `listen EADDRINUSE: address already in use :::80`. */
export function listenError(
  errno: number,
  address: string | undefined | null,
  port?: number,
): NodeJS.ErrnoException {
  const code = nameOf(errno)
  const text = getSystemErrorMap().get(errno)?.[1] ?? code
  const error = new Error(`listen ${code}: ${text}${placeText(address, port)}`)
  return withPlace(Object.assign(error, { code, errno, syscall: 'listen' }), address, port)
}

function placeText(address: string | undefined | null, port: number | undefined): string {
  if (port !== undefined && port > 0) return ` ${address}:${port}`
  return address ? ` ${address}` : ''
}

function withPlace(
  error: NodeJS.ErrnoException,
  address: string | undefined | null,
  port: number | undefined,
): NodeJS.ErrnoException {
  return Object.assign(error, { address }, port ? { port } : undefined) as NodeJS.ErrnoException
}

function nameOf(errno: number): string {
  return getSystemErrorMap().get(errno)?.[0] ?? `Unknown system error ${errno}`
}

/** An error with a code, shown with it as Node's own are: `Error [ERR_…]: …`. */
export function coded<E extends Error>(error: E, code: string): E & { code: string } {
  // Node's errors show their code in the stack's first line, not in their name.
  const { name } = error
  error.name = `${name} [${code}]`
  void error.stack
  Reflect.deleteProperty(error, 'name')
  return Object.assign(error, { code })
}

export const socketClosed = () => coded(new Error('Socket is closed'), 'ERR_SOCKET_CLOSED')

export const closedBeforeConnection = () =>
  coded(
    new Error('Socket closed before the connection was established'),
    'ERR_SOCKET_CLOSED_BEFORE_CONNECTION',
  )

export const connectionTimeout = () =>
  coded(new Error('Socket connection timeout'), 'ERR_SOCKET_CONNECTION_TIMEOUT')

export const serverNotRunning = () => coded(new Error('Server is not running.'), 'ERR_SERVER_NOT_RUNNING')

export const alreadyListening = () =>
  coded(
    new Error('Listen method has been called more than once without closing.'),
    'ERR_SERVER_ALREADY_LISTEN',
  )

export const invalidIP = (address: unknown) =>
  coded(new TypeError(`Invalid IP address: ${address}`), 'ERR_INVALID_IP_ADDRESS')

export const invalidFamily = (family: unknown, host: unknown, port: unknown) =>
  Object.assign(
    coded(new RangeError(`Invalid address family: ${family} ${host}:${port}`), 'ERR_INVALID_ADDRESS_FAMILY'),
    { host, port },
  )

export const blocked = (address: string) =>
  coded(new Error(`IP(${address}) is blocked by net.BlockList`), 'ERR_IP_BLOCKED')

export const invalidHandle = () =>
  coded(new TypeError('This handle type cannot be sent'), 'ERR_INVALID_HANDLE_TYPE')

export const endedByOther = () =>
  Object.assign(new Error('This socket has been ended by the other party'), { code: 'EPIPE' })
