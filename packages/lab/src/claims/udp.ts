/** A pair of UDP sockets over loopback: the textbook's example. What one sends is at the other when send returns. */
import { AF_INET, bind, connect, getsockname, SOCK_DGRAM, socket } from 'fivefold/sys'

/** @returns the receiver, and a sender that is connected to it */
export function udpPair(): readonly [receiver: number, sender: number] {
  const receiver = socket(AF_INET, SOCK_DGRAM)
  bind(receiver, { family: 'IPv4', address: '127.0.0.1', port: 0 })
  const sender = socket(AF_INET, SOCK_DGRAM)
  connect(sender, getsockname(receiver))
  return [receiver, sender]
}
