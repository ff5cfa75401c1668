/**
 * Node's own classes and functions, as they were when this was loaded: `fivefold/register` puts ours in their place,
 * and ours stand on them.
 */
import nodeNet from 'node:net'

export const NodeSocket = nodeNet.Socket
export type NodeSocket = nodeNet.Socket
export const NodeServer = nodeNet.Server
export type NodeServer = nodeNet.Server

/**
 * Makes a function look as Node's constructor of that name does. Whatever is an instance of Node's is one of ours, as
 * programs expect: a TLSSocket is a `net.Socket`.
 */
export function dress(ctor: object, name: string, prototype: object, parent: object): void {
  Object.defineProperties(ctor, {
    name: { value: name, configurable: true },
    prototype: { value: prototype, writable: true },
    [Symbol.hasInstance]: {
      configurable: true,
      value(this: unknown, value: unknown) {
        return Function.prototype[Symbol.hasInstance].call(this === ctor ? parent : (this as object), value)
      },
    },
  })
  Object.defineProperty(prototype, 'constructor', { value: ctor, writable: true, configurable: true })
  Object.setPrototypeOf(ctor, parent)
}

/** What `constructorOver` does around Node's constructor. */
export interface Around {
  before?: (made: object, options: unknown) => void
  /** What Node's is given in place of what came. */
  given?: ((options: unknown, listener: unknown) => [options: unknown, listener: unknown]) | undefined
  after?: ((made: never) => void) | undefined
}

/**
 * A constructor in place of one of Node's: works by `new`, by `call` from an heir, and by a plain call.
 * @param name Node's name of it
 * @param parent Node's
 * @param prototype what ours can do
 */
export function constructorOver(
  name: string,
  parent: object,
  prototype: object,
  around: Around = {},
): unknown {
  const nodeConstructor = parent as (this: unknown, options: unknown, listener: unknown) => void
  function construct(this: unknown, options?: unknown, listener?: unknown): unknown {
    if (!(this instanceof nodeConstructor)) return Reflect.construct(construct, [options, listener])
    around.before?.(this, options)
    const given = around.given?.(options, listener) ?? [options, listener]
    nodeConstructor.call(this, ...(given as [unknown, unknown]))
    around.after?.(this as never)
    return undefined
  }
  Object.defineProperty(construct, 'length', { value: nodeConstructor.length, configurable: true })
  dress(construct, name, prototype, parent)
  return construct
}
