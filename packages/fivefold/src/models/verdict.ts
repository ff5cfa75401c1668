/** How a mechanism that cannot work says so: what it found, and what would help. */
import type { ModelName, Verdict } from './model.js'

type Refusal = Extract<Verdict, { ok: false }>

/** The error of a model that was named and cannot work here. */
export function unavailable(name: ModelName, { reason, cure }: Refusal): Error {
  return Object.assign(new Error(`${name} cannot work here: ${reason}. ${cure}`), {
    code: 'ERR_FIVEFOLD_MODEL_UNAVAILABLE',
    model: name,
    reason,
    cure,
  })
}

/** What a failed attempt means, for mechanisms whose only ways to fail are the system's limits. */
export function refusal(error: unknown): Refusal {
  const { code, message } = error as NodeJS.ErrnoException
  const cure =
    code === 'EMFILE' || code === 'ENFILE'
      ? 'Close descriptors, or raise the limit (ulimit -n).'
      : code === 'EPERM' || code === 'ENOSYS'
        ? 'A sandbox seems to forbid the call: allow it, or choose another model.'
        : 'Choose another model.'
  return { ok: false, reason: message, cure }
}
