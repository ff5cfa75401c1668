/**
 * Keeps the datagrams of a Unix socket in order. UDP promises none: there all go at once, and since each is tried as
 * the kernel takes it from the ring, they leave in order as long as the socket's buffer has room.
 *
 * Requests that are under way together may finish in any order: one that has to wait for room is overtaken by the
 * next. So each datagram of a Unix socket is *linked* to the one before (IOSQE_IO_LINK): the kernel begins it when
 * that one has gone, and cancels it when that one failed, and then it is asked anew, in its place. Only
 * neighbours of one batch can be linked; what comes later waits until the batch is through.
 *
 * Nor may the kernel wait for room by itself: seen on Linux 6.18, a datagram for a Unix socket whose queue is full
 * has been read from our memory by the first attempt, and the attempt that succeeds sends none of it. So each is
 * sent with MSG_DONTWAIT, and answered EAGAIN its operation waits as a request of another kind (`pause`).
 */
import { AF_UNIX } from '../../../sys/address.js'
import { getsockoptInt, SO_DOMAIN, SOL_SOCKET } from '../../../sys/socket.js'
import type { Ring } from '../../../sys/uring.js'
import { Kind, type Operation, ownSmall } from '../../operation.js'
import { OperationQueue } from './queue.js'

class Sender {
  /** A Unix socket. */
  ordered = false
  /** Those the kernel has, in order: it works on the first. */
  readonly asked = new OperationQueue()
  /** The submission of the last of them. */
  last = 0
  /** Failed for no fault of their own: they go first when the batch is through. */
  readonly again = new OperationQueue()
  readonly waiting = new OperationQueue()
}

export class DatagramSends {
  readonly #ring: Ring
  readonly #senders: (Sender | undefined)[] = []

  constructor(ring: Ring) {
    this.#ring = ring
  }

  /**
   * Before an operation's submission is pushed.
   * @param first it was the first to wait here (`next`)
   * @returns false: its turn will come
   */
  begin(operation: Operation, first: boolean): boolean {
    const sender = (this.#senders[operation.fd] ??= new Sender())
    const { address } = operation
    if (address !== null) sender.ordered = address[0] === AF_UNIX
    else if (sender.asked.empty)
      sender.ordered = getsockoptInt(operation.fd, SOL_SOCKET, SO_DOMAIN) === AF_UNIX
    const queued = !first && !(sender.again.empty && sender.waiting.empty)
    if (queued || (sender.ordered && !sender.asked.empty && !this.#ring.link(sender.last))) {
      ownSmall(operation)
      sender.waiting.push(operation)
      return false
    }
    sender.asked.push(operation)
    sender.last = this.#ring.tail
    return true
  }

  /** An operation's completion came. @param again it is to be asked anew, before those that came later */
  end(operation: Operation, again: boolean): void {
    const sender = this.#senders[operation.fd]!
    sender.asked.remove(operation)
    if (again) sender.again.push(operation)
  }

  /** One that waited for room goes first of all. */
  first(operation: Operation): void {
    this.#senders[operation.fd]!.again.unshift(operation)
  }

  /** The next that can be asked of a descriptor, or null: none, or the last batch is still under way. */
  next(fd: number): Operation | null {
    const sender = this.#senders[fd]!
    if (sender.ordered && !sender.asked.empty && !this.#ring.linkable(sender.last)) return null
    return sender.again.shift() ?? sender.waiting.shift()
  }

  /** Takes out one that waits here. @returns false when it does not */
  remove(operation: Operation): boolean {
    if (operation.kind !== Kind.sendto) return false
    const sender = this.#senders[operation.fd]
    return sender !== undefined && (sender.again.remove(operation) || sender.waiting.remove(operation))
  }

  /** The first of all that wait here, taken out; or null. */
  takeAny(): Operation | null {
    for (const sender of this.#senders) {
      const operation = sender?.again.shift() ?? sender?.waiting.shift()
      if (operation != null) return operation
    }
    return null
  }
}
