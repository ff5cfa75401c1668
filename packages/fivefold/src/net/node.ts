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
