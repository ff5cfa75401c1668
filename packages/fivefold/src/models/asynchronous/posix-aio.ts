import type { Driver, Model } from '../model.js'
import { unavailable } from '../verdict.js'

export const posixAio: Model = {
  name: 'posix-aio',
  family: 'asynchronous',
  synchronous: false,
  limits: { nonBlocking: false, files: true, cancels: false, borrows: ['accept', 'connect', 'recvfrom', 'sendto'], maxWaiting: 1024, workers: false },
  probe: () => ({ ok: false, reason: 'it is not here yet', cure: 'Wait.' }),
  open(): Driver {
    throw unavailable('posix-aio', { ok: false, reason: 'it is not here yet', cure: 'Wait.' })
  },
}
