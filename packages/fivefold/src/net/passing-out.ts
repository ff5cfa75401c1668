/**
 * Descriptors that are sent over a Unix socket, in their place among what is written.
 *
 * They go through the stream like any chunk: the chunk's identity says which descriptors go with it. What waits are
 * duplicates, ours to close: when they are sent, or when the socket is destroyed before.
 */
import { rawClose } from '../sys/descriptor.js'
import { errnos } from '../sys/errno.js'
import { dup } from '../sys/fcntl.js'
import { rights, SCM_MAX_FD, sendmsg } from '../sys/message.js'
import { MSG_DONTWAIT, MSG_NOSIGNAL } from '../sys/socket.js'
import { watch } from '../watch/watch.js'
import { callError, coded, socketClosed } from './errors.js'
import { kState, type State, type Stateful } from './state.js'

type WriteCallback = (error?: Error | null) => void
interface Chunk {
  chunk: Uint8Array | string
  encoding: BufferEncoding
}

export function sendDescriptors(
  socket: Stateful,
  fds: readonly number[],
  data: string | Uint8Array,
  callback?: WriteCallback,
): boolean {
  if (fds.length > SCM_MAX_FD || !fds.every((fd) => Number.isInteger(fd) && fd >= 0)) {
    throw coded(new TypeError(`fds are at most ${SCM_MAX_FD} descriptors`), 'ERR_INVALID_ARG_VALUE')
  }
  if (data.length === 0) {
    throw coded(new TypeError('descriptors need a byte at least to go with'), 'ERR_INVALID_ARG_VALUE')
  }
  const state = socket[kState]
  const open = socket.writable && (socket.connecting || state.link !== null)
  if (open && !state.unix) throw coded(new Error('descriptors go over Unix sockets'), 'ERR_INVALID_STATE')
  // A copy, of which no other write can be made.
  const chunk = Buffer.from(data as string)
  // When it takes no more, `write` says so.
  if (open && fds.length > 0) {
    const held = duplicates(fds)
    state.passing ??= new Map()
    state.passing.set(chunk, held)
  }
  return socket.write(chunk, callback as () => void)
}

function duplicates(fds: readonly number[]): number[] {
  const held: number[] = []
  try {
    for (const fd of fds) held.push(dup(fd))
  } catch (error) {
    for (const fd of held) rawClose(fd)
    throw error
  }
  return held
}

/** Those that were not sent are closed. */
export function dropPassing(state: State): void {
  for (const fds of state.passing?.values() ?? []) for (const fd of fds) rawClose(fd)
  state.passing = null
}

/** Writes chunks one after the other, those among them with descriptors by sendmsg. */
export function writePassing(socket: Stateful, chunks: readonly Chunk[], done: WriteCallback): void {
  let next = 0
  const more: WriteCallback = (error) => {
    const { link, passing } = socket[kState]
    if (error || next === chunks.length) {
      done(error)
      return
    }
    if (link === null) {
      done(socketClosed())
      return
    }
    const { chunk, encoding } = chunks[next++]!
    if (typeof chunk === 'string' || !passing?.has(chunk)) link.writing.write(chunk, encoding, more)
    // In its place: behind what was written before.
    else {
      link.writing.whenSent((failure) => {
        if (failure) more(failure)
        else send(socket, chunk, more)
      })
    }
  }
  more()
}

function send(socket: Stateful, chunk: Uint8Array, done: WriteCallback): void {
  const state = socket[kState]
  const { link, passing } = state
  const fds = passing?.get(chunk)
  if (link === null || passing === null || fds === undefined) {
    done(socketClosed())
    return
  }
  let sent: number
  try {
    sent = sendmsg(link.connection.fd, { data: chunk, control: [rights(fds)] }, MSG_NOSIGNAL | MSG_DONTWAIT)
  } catch (error) {
    const { errno = 0 } = error as NodeJS.ErrnoException
    if (errno === -errnos.EAGAIN || errno === -errnos.ENOBUFS) whenWritable(socket, chunk, done)
    else done(callError(errno, 'sendmsg'))
    return
  }
  passing.delete(chunk)
  if (passing.size === 0) state.passing = null
  for (const fd of fds) rawClose(fd)
  link.writing.bytesWritten += sent
  if (sent === chunk.length) done()
  else link.writing.write(chunk.subarray(sent), 'buffer' as BufferEncoding, done)
}

/** There is no room now. The engine has a watch of the descriptor itself: this one looks at a duplicate. */
function whenWritable(socket: Stateful, chunk: Uint8Array, done: WriteCallback): void {
  const { link } = socket[kState]
  let fd: number
  try {
    fd = dup(link!.connection.fd)
  } catch (error) {
    done(error as Error)
    return
  }
  const end = () => {
    it.close()
    rawClose(fd)
    socket.off('close', end)
  }
  const it = watch(fd, 'write', () => {
    end()
    send(socket, chunk, done)
  })
  socket.once('close', end)
}
