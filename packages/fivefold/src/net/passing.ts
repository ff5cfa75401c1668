/**
 * Descriptors that come over a Unix socket (SCM_RIGHTS, unix(7)).
 *
 * (a) recv(2) drops them: they come with recvmsg(2) alone, to those who ask for it. So sockets that want them have an
 *     engine of their own, whose driver makes that call. Its models are those that report readiness; io_uring has
 *     refused descriptors in its own recvmsg (liburing #128).
 * (b) The kernel ends a receive behind the bytes that brought descriptors. So those of one receive belong to one
 *     message, and lie in wait here for no longer than it takes to hand over its bytes.
 * (c) Whoever receives them has to close them: where nobody listens, it is done here.
 */
import type { Duplex } from 'node:stream'
import { Engine } from '../loop/engine.js'
import { modelNamed } from '../models/choose.js'
import type { ModelName } from '../models/model.js'
import { ReadinessDriver } from '../models/readiness.js'
import { openMultiplexer } from '../models/synchronous.js'
import { rawClose } from '../sys/descriptor.js'
import { errnos } from '../sys/errno.js'
import { addressOf, type Pointer } from '../sys/ffi.js'
import {
  controlSpace,
  decodeControl,
  fdsIn,
  MSGHDR,
  SCM_MAX_FD,
  setIovec,
  setPointer,
} from '../sys/message.js'
import { MSG_CMSG_CLOEXEC, MSG_CTRUNC, rawRecvmsg } from '../sys/socket.js'

/** Credentials and times may come beside them. */
const CONTROL = controlSpace(4 * SCM_MAX_FD) + 3 * controlSpace(16)
const IOV_AT = MSGHDR.size
const CONTROL_AT = IOV_AT + 16

const memory = new ArrayBuffer(CONTROL_AT + CONTROL)
const words = new Uint32Array(memory)
const control = new Uint8Array(memory, CONTROL_AT)
let prepared = false

function prepare(): void {
  prepared = true
  const address = addressOf(memory)
  setPointer(words, MSGHDR.iov, address + IOV_AT)
  words[MSGHDR.iovlen >>> 2] = 1
  setPointer(words, MSGHDR.control, address + CONTROL_AT)
}

/** Came with the last receive, and not taken yet. */
let came: number[] = []

function closeAll(fds: readonly number[]): void {
  for (const fd of fds) rawClose(fd)
}

/** recv(2), and descriptors: as `rawRecv`. EMFILE: there was no room for some, and none is kept. */
function receive(fd: number, into: Pointer, room: number, flags: number): number {
  if (!prepared) prepare()
  setIovec(words, IOV_AT, into as number, room)
  words[MSGHDR.controllen >>> 2] = CONTROL
  const received = rawRecvmsg(fd, words, flags | MSG_CMSG_CLOEXEC)
  if (received <= 0) return received
  const length = words[MSGHDR.controllen >>> 2]!
  const cut = (words[MSGHDR.flags >>> 2]! & MSG_CTRUNC) !== 0
  if (length === 0 && !cut) return received
  closeAll(came)
  came = fdsIn(decodeControl(control, length))
  if (!cut) return received
  closeAll(came)
  came = []
  return -errnos.EMFILE
}

/** The bytes that descriptors came with are about to be told: those come first. */
export function tellDescriptors(face: Duplex): void {
  if (came.length === 0) return
  const fds = came
  came = []
  if (face.destroyed || !face.emit('descriptors', fds)) closeAll(fds)
}

const engines = new Map<string, Engine>()

/**
 * What serves sockets that receive descriptors.
 * @throws ENOTSUP for a model that does not report readiness
 */
export function passingEngine(name: ModelName | 'auto'): Engine {
  let engine = engines.get(name)
  if (engine === undefined) {
    const model = modelNamed(name === 'auto' ? 'epoll' : name)
    const open = () => new ReadinessDriver(openMultiplexer(name, 'embedded'), { receive })
    engine = engines.get(model.name) ?? new Engine({ ...model, open }, 'embedded', 'for descriptors')
    engines.set(name, engine).set(model.name, engine)
  }
  return engine
}
