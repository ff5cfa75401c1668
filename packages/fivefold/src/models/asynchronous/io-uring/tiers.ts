/**
 * What this kernel's io_uring can do, found by doing: the version number says little, because distributions
 * carry features back and sandboxes take the calls away.
 */
import { readFileSync } from 'node:fs'
import { rawClose } from '../../../sys/descriptor.js'
import { errnoName } from '../../../sys/errno.js'
import {
  IORING_FEAT_EXT_ARG,
  IORING_FEAT_FAST_POLL,
  IORING_FEAT_NODROP,
  IORING_FEAT_SINGLE_MMAP,
  IORING_OP_SEND_ZC,
  IORING_SETUP_CLAMP,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_SUBMIT_ALL,
  IORING_SETUP_TASKRUN_FLAG,
  openRing,
  PARAMS_WORDS,
  type Ring,
  rawIoUringSetup,
  supportedOperations,
} from '../../../sys/uring.js'
import type { Verdict } from '../../model.js'

const COMMON = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL

/** Setup flags, from the richest to the poorest; io_uring_setup refuses what it does not know (EINVAL). */
export const SETUPS: readonly { name: string; flags: number }[] = [
  {
    // 6.1: completions are worked out when this thread asks, and at no other time.
    name: 'deferred',
    flags: COMMON | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
  },
  // 6.0 and earlier: they are worked out at the thread's next system call, without interrupting it.
  { name: 'cooperative', flags: COMMON | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG },
]

/** With `tuning.sqPoll`: the kernel's thread does what the flags of the others put off, so it goes with none of them. */
export const POLLED = COMMON | IORING_SETUP_SQPOLL

/** What a driver works with. */
export interface Tier {
  /** Which of `SETUPS`. */
  readonly setup: string
  readonly flags: number
}

const REQUIRED = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_FAST_POLL | IORING_FEAT_EXT_ARG

/** Tries the call. Leaves nothing behind. */
export function probeTier(): { verdict: Verdict; tier: Tier | null } {
  let result = 0
  const parameters = new Int32Array(PARAMS_WORDS)
  for (const { name, flags } of SETUPS) {
    parameters.fill(0)
    parameters[1] = 16
    parameters[2] = flags
    result = rawIoUringSetup(8, parameters)
    if (result === -EINVAL) continue
    if (result < 0) break
    const operations = supportedOperations(result)
    rawClose(result)
    if ((parameters[5]! & REQUIRED) !== REQUIRED || !operations.has(IORING_OP_SEND_ZC))
      return { verdict: old, tier: null }
    return { verdict: { ok: true }, tier: { setup: name, flags } }
  }
  return { verdict: explain(result, disabledBySysctl()), tier: null }
}

const CHOOSE = "choose another model ('epoll' is the nearest)"

const old: Verdict = {
  ok: false,
  reason: 'this kernel has an io_uring without multishot receive (Linux 6.0)',
  cure: `Use Linux 6.1 or newer, or ${CHOOSE}.`,
}

/**
 * What a refusal of io_uring_setup means. Never "an old kernel" where something else is as likely.
 * @param result its negative errno
 * @param sysctl the value of kernel.io_uring_disabled; 0 where there is no such thing
 */
export function explain(result: number, sysctl: number): Verdict {
  switch (result) {
    case -ENOSYS:
      return {
        ok: false,
        reason: 'the kernel answers ENOSYS: it was built without io_uring, or a sandbox filters the call',
        cure: `Allow io_uring_setup, io_uring_enter and io_uring_register in the sandbox, or ${CHOOSE}.`,
      }
    case -EPERM:
    case -EACCES:
      if (sysctl > 0) {
        const whom =
          sysctl === 1 ? 'processes without CAP_SYS_ADMIN outside kernel.io_uring_group' : 'everybody'
        return {
          ok: false,
          reason: `the sysctl kernel.io_uring_disabled is ${sysctl}: io_uring is off for ${whom}`,
          cure: `Set it to 0 (sysctl -w kernel.io_uring_disabled=0), or ${CHOOSE}.`,
        }
      }
      return {
        ok: false,
        reason: `${errnoName(result)}: a seccomp filter or a security module forbids io_uring (Docker's default profile does)`,
        cure: `Run with a profile that allows it (docker run --security-opt seccomp=...), or ${CHOOSE}.`,
      }
    case -ENOMEM:
      return {
        ok: false,
        reason: 'ENOMEM: no memory for the rings (before Linux 5.12 they count against RLIMIT_MEMLOCK)',
        cure: `Raise the limit (ulimit -l), close other rings, or ${CHOOSE}.`,
      }
    case -EMFILE:
    case -ENFILE:
      return {
        ok: false,
        reason: `${errnoName(result)}: no descriptor is left for the ring`,
        cure: 'Close descriptors, or raise the limit (ulimit -n).',
      }
    case -EINVAL:
      return old
    default:
      return { ok: false, reason: `io_uring_setup answers ${errnoName(result)}`, cure: `Try to ${CHOOSE}.` }
  }
}

function disabledBySysctl(): number {
  try {
    return Number(readFileSync('/proc/sys/kernel/io_uring_disabled', 'utf8')) || 0
  } catch {
    return 0 // before 6.6 there is no such sysctl
  }
}

/** Opens a ring with a tier's flags. Where memory is short (ENOMEM), a smaller one. */
export function openTier(flags: number, entries: number, completions: number): Ring {
  for (;;) {
    try {
      return openRing(entries, completions, flags)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOMEM' || entries <= 64) throw error
      entries >>= 1
      completions >>= 1
    }
  }
}

const EPERM = 1
const ENOMEM = 12
const EACCES = 13
const EINVAL = 22
const ENFILE = 23
const EMFILE = 24
const ENOSYS = 38
