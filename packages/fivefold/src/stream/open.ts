/** Where sockets begin, and what is said when there are none to be had. */
import type { Limits } from '../models/model.js'
import type { Address } from '../sys/address.js'
import { systemError } from '../sys/errno.js'
import { getrlimit, RLIMIT_NOFILE } from '../sys/process.js'
import { rawSocket, SOCK_CLOEXEC, SOCK_NONBLOCK } from '../sys/socket.js'
import { familyOf } from './resolve.js'

/**
 * socket(2), for an address's family, as a model wants it.
 * @param type SOCK_STREAM or SOCK_DGRAM
 * @throws EMFILE, ENFILE, ENOBUFS, with the cure; EAFNOSUPPORT
 */
export function openSocket(address: Address, type: number, { nonBlocking }: Limits): number {
  const fd = rawSocket(familyOf(address), type | SOCK_CLOEXEC | (nonBlocking ? SOCK_NONBLOCK : 0), 0)
  if (fd < 0) throw systemError(fd, 'socket', cureOf(fd))
  return fd
}

/** What is short when socket(2) or accept(2) fails so, and what helps. */
export function cureOf(result: number): string | undefined {
  switch (result) {
    case -EMFILE: {
      const { soft, hard } = getrlimit(RLIMIT_NOFILE)
      const raise = soft < hard ? 'ulimit -n' : 'ulimit -Hn, systemd: LimitNOFILE=, docker: --ulimit nofile='
      return `the ${soft} descriptors of this process do not suffice for one more; close some, or raise the limit: ${raise}`
    }
    case -ENFILE:
      return 'the system is out of open files; raise it with sysctl fs.file-max'
    case -ENOBUFS:
    case -ENOMEM:
      return 'the system is short of memory; close something, or give it more'
    default:
      return undefined
  }
}

const ENOMEM = 12
const ENFILE = 23
const EMFILE = 24
const ENOBUFS = 105
