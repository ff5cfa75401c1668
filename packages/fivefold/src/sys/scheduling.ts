/** How the kernel shares the processors among threads: sched_setscheduler(2), sched(7). */
import { check } from './errno.js'
import { bind, errno, type Pointer } from './ffi.js'

const setschedulerC = bind<(tid: number, policy: number, parameter: Pointer) => number>(
  'sched_setscheduler',
  'int',
  ['int', 'int', 'pointer'],
)

/** The usual policy: a thread that wakes may displace the one that runs. */
export const SCHED_OTHER = 0
/** As SCHED_OTHER, but a thread that wakes waits for its turn. */
export const SCHED_BATCH = 3

/**
 * sched_setscheduler(2), for the policies without a priority.
 * @param tid the kernel's id of a thread; 0: the calling one
 * @throws EPERM where a sandbox forbids it
 */
export function schedSetscheduler(tid: number, policy: number): void {
  // struct sched_param: one int.
  check(setschedulerC(tid, policy, new Int32Array(1)) === -1 ? -errno() : 0, 'sched_setscheduler')
}
