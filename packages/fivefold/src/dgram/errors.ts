/** Errors as Node's `dgram` makes them: the same codes, messages and fields. */
import { coded } from '../net/errors.js'

export { callError, placeError } from '../net/errors.js'

export const alreadyBound = () => coded(new Error('Socket is already bound'), 'ERR_SOCKET_ALREADY_BOUND')
export const isConnected = () => coded(new Error('Already connected'), 'ERR_SOCKET_DGRAM_IS_CONNECTED')
export const notConnected = () => coded(new Error('Not connected'), 'ERR_SOCKET_DGRAM_NOT_CONNECTED')
export const notRunning = () => coded(new Error('Not running'), 'ERR_SOCKET_DGRAM_NOT_RUNNING')

export const outOfBounds = (name: string) =>
  coded(new RangeError(`"${name}" is outside of buffer bounds`), 'ERR_BUFFER_OUT_OF_BOUNDS')

export const badBufferSize = () =>
  coded(new TypeError('Buffer size must be a positive integer'), 'ERR_SOCKET_BAD_BUFFER_SIZE')

export const missing = (name: string) =>
  coded(new TypeError(`The "${name}" argument must be specified`), 'ERR_MISSING_ARGS')

export const notForUnix = (what: string) =>
  coded(new Error(`${what}: a Unix socket has neither ports nor groups`), 'ERR_INVALID_ARG_VALUE')

export const invalid = (message: string) => coded(new TypeError(message), 'ERR_INVALID_ARG_VALUE')

export const outOfRange = (message: string) => coded(new RangeError(message), 'ERR_OUT_OF_RANGE')
