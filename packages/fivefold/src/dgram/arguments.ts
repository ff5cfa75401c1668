/** What `send` is called with, in all the forms that Node's has, and the form for Unix sockets. */
import { Buffer } from 'node:buffer'
import { invalid, isConnected, outOfBounds } from './errors.js'
import { askNode } from './node.js'

export type SendCallback = (error: Error | null, bytes: number) => void

/** A datagram, whom it is for, and who wants to hear of it. */
export interface Sending {
  bytes: Uint8Array
  /** Of UDP; 0: the connected peer. */
  port: number
  /** An IP address or a name; or a path or an abstract name. Undefined: this machine, or the connected peer. */
  address: string | undefined
  callback: SendCallback | undefined
}

/**
 * `(msg, [offset, length,] port [, address] [, callback])` of UDP, `(msg, [offset, length,] path [, callback])` of Unix
 * sockets; without a destination where the socket is connected.
 * @throws what Node throws
 */
export function sendArguments(
  type: string,
  connected: boolean,
  message: unknown,
  offset: unknown,
  length: unknown,
  port: unknown,
  address: unknown,
  callback: unknown,
): Sending {
  if (type === 'unix_dgram') return unixArguments(connected, message, offset, length, port, address)
  let data = message
  let to = port
  let host = address
  let done = callback
  if (connected) {
    if (typeof length === 'number') {
      data = slice(type, message, offset, length)
      if (typeof port === 'function') {
        done = port
        to = undefined
      }
    } else done = offset
    if (to || host) throw isConnected()
    to = 0
    host = undefined
  } else if (address || (port && typeof port !== 'function')) {
    data = slice(type, message, offset, length)
  } else {
    to = offset
    host = length
    done = port
  }
  const bytes = bytesOf(type, data)
  if (!connected && !isPort(to)) {
    askNode(type, (probe) => probe.send('', to as number, '127.0.0.1'))
  }
  if (typeof host === 'function') {
    done = host
    host = undefined
  } else if (host !== undefined && host !== null && typeof host !== 'string') {
    askNode(type, (probe) => probe.send('', 1, host as string))
  }
  return {
    bytes,
    port: Number(to),
    address: (host as string | null) ?? undefined,
    callback: typeof done === 'function' ? (done as SendCallback) : undefined,
  }
}

/** A port that something can be sent to, as Node takes it without a word. */
export function isPort(port: unknown): boolean {
  if (typeof port === 'string' ? port.trim() === '' : typeof port !== 'number' || port === 0) return false
  const number = Number(port)
  return Number.isInteger(number) && number >= 0 && number < 65536
}

function unixArguments(
  connected: boolean,
  message: unknown,
  second: unknown,
  third: unknown,
  fourth: unknown,
  fifth: unknown,
): Sending {
  const sliced = typeof second === 'number'
  const data = sliced ? slice('', message, second, third) : message
  const path = sliced ? fourth : second
  const done = [second, third, fourth, fifth].find((one) => typeof one === 'function')
  const bytes = bytesOf('', data)
  if (connected) {
    if (typeof path === 'string') throw isConnected()
  } else if (typeof path !== 'string' || path === '') {
    throw invalid('send on a Unix socket takes a path, or an abstract name that begins with a NUL')
  }
  return {
    bytes,
    port: 0,
    address: connected ? undefined : (path as string),
    callback: done as SendCallback | undefined,
  }
}

export function bytesOf(type: string, data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data
  if (typeof data === 'string') return Buffer.from(data)
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  if (!Array.isArray(data)) return askNode(type, (probe) => probe.send(data as string, 1, '127.0.0.1'))
  const parts: Uint8Array[] = []
  for (const part of data as unknown[]) {
    if (typeof part !== 'string' && !ArrayBuffer.isView(part)) {
      return askNode(type, (probe) => probe.send(data as string[], 1, '127.0.0.1'))
    }
    parts.push(bytesOf(type, part))
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}

function slice(type: string, data: unknown, from: unknown, count: unknown): Uint8Array {
  if (typeof data !== 'string' && !ArrayBuffer.isView(data)) {
    return askNode(type, (probe) => probe.send(data as string, 0, 0, 1, '127.0.0.1'))
  }
  const bytes = bytesOf(type, data)
  const offset = (from as number) >>> 0
  const length = (count as number) >>> 0
  if (offset > bytes.length) throw outOfBounds('offset')
  if (offset + length > bytes.length) throw outOfBounds('length')
  return bytes.subarray(offset, offset + length)
}
