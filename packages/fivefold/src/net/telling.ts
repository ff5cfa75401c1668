/** How what a connection tells reaches the program: in its context, and with nothing thrown lost. */
import type { AsyncResource } from 'node:async_hooks'
import type { SocketHandlers } from '../stream/handlers.js'
import { uncaught } from '../stream/socket.js'
import type { Link } from './link.js'

type WriteCallback = (error?: Error | null) => void

// One set of handlers for all: a connection costs no closure. They catch what the program's listeners throw,
// because a listener's error is uncaught in Node, and no verdict on the socket.
export const handlers: SocketHandlers<Link> = {
  data(connection, chunk) {
    connection.data.resource.runInAsyncScope(tellData, connection.data, chunk)
  },
  // An end, or an error, that came together with data is told when what the data have put off (nextTick, promises) is
  // done, as in Node: the answer to a request that came with the end, for one, is on its way before the end is heard of.
  end(connection) {
    const link = connection.data
    link.ended()
    if (link.heardNow) setImmediate(inContext, link, tellEnd)
    else inContext(link, tellEnd)
  },
  flush(connection) {
    connection.data.flushed()
  },
  finish(connection) {
    connection.data.writing.finished()
  },
  error(connection, error) {
    connection.data.error(error)
  },
  close(connection) {
    connection.data.closed()
  },
}

function tellData(this: Link, chunk: Buffer): void {
  try {
    this.data(chunk)
  } catch (error) {
    uncaught(error)
  }
}

export function inContext(link: Link, tell: (this: Link, error?: Error) => void, error?: Error): void {
  link.resource.runInAsyncScope(tell, link, error)
}

export function tellError(this: Link, error?: Error): void {
  fail(this.face, error!)
}

function tellEnd(this: Link): void {
  try {
    this.end()
  } catch (error) {
    uncaught(error)
  }
}

/** What a stream has of `destroy`. */
interface Failing {
  destroy(error?: Error): unknown
}

export function fail(face: Failing, error: Error): void {
  try {
    face.destroy(error)
  } catch (thrown) {
    uncaught(thrown)
  }
}

export function tellClosed(link: Link): void {
  const { resource } = link
  resource.runInAsyncScope(link.tellClosed, link)
  resource.emitDestroy()
}

export function run(resource: AsyncResource, callback: WriteCallback, error: Error | null): void {
  resource.runInAsyncScope(guarded, undefined, callback, error)
  resource.emitDestroy()
}

function guarded(callback: WriteCallback, error: Error | null): void {
  try {
    callback(error)
  } catch (thrown) {
    uncaught(thrown)
  }
}
