/**
 * fivefold: Linux's five I/O models for TypeScript, behind one API.
 *
 * `listen`, `connect` and `bind` serve streams and datagrams over any model; `models` are the nine mechanisms
 * themselves, for those who want to drive one by hand.
 */

export { bind } from './datagram/bind.js'
export type { BindOptions, DatagramHandlers } from './datagram/handlers.js'
export { DatagramSocket, type Destination } from './datagram/socket.js'
export { type Choice, choose, modelNamed, models } from './models/choose.js'
export { release } from './models/lender.js'
export type {
  Driver,
  DriverOptions,
  Family,
  Host,
  Limits,
  Model,
  ModelName,
  Tuning,
  Verdict,
} from './models/model.js'
export {
  type Completion,
  DatagramOperation,
  FileOperation,
  Kind,
  Operation,
  type PhaseStamps,
  syscallOf,
} from './models/operation.js'
export { connect } from './stream/connect.js'
export type {
  ConnectOptions,
  EngineOptions,
  Listener,
  ListenOptions,
  SocketHandlers,
} from './stream/handlers.js'
export { listen } from './stream/listener.js'
export { Socket } from './stream/socket.js'
export type { Address, InternetAddress, UnixAddress } from './sys/address.js'
export {
  EVENT_READ,
  EVENT_WRITE,
  Selector,
  type SelectorKey,
  type SelectorOptions,
} from './watch/selector.js'
export { type Readiness, type Watch, type WatchCallback, type WatchOptions, watch } from './watch/watch.js'
