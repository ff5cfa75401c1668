/** What a server's listeners get as the request. */
import { IncomingMessage } from 'node:http'

/**
 * Node throws away what is left of a request when it has been answered and nobody has begun to read it, which it takes from
 * its stream's being asked for more. A body that came whole with its head is never asked for: there it is the reading.
 *
 * It has its name from its key. A class whose `name` is defined anew is slow to make instances of: 3 us a request.
 */
const { IncomingMessage: Request } = {
  IncomingMessage: class extends IncomingMessage {
    override read(size?: number): unknown {
      if (size !== 0) (this as unknown as { _consuming: boolean })._consuming = true
      return super.read(size)
    }
  },
}

/** The arguments of Node's `Server`, with this kind of request where the options name none. */
export function withRequest(options: unknown, listener: unknown): [options: unknown, listener: unknown] {
  const own = { IncomingMessage: { value: Request, enumerable: true } }
  if (typeof options === 'function') return [Object.create(null, own), options]
  if (options === undefined || options === null) return [Object.create(null, own), listener]
  // What is wrong with it is said by Node.
  const plain = typeof options === 'object' && !Array.isArray(options)
  if (!plain || (options as { IncomingMessage?: unknown }).IncomingMessage) return [options, listener]
  return [Object.create(options, own), listener]
}
