import { constants } from 'node:os'

// Of two names for one number the first counts: EAGAIN, which is EWOULDBLOCK as well.
const names = new Map<number, string>()
for (const [name, value] of Object.entries(constants.errno)) if (!names.has(value)) names.set(value, name)

/** A system call's result as the kernel returns it, with the errno by its name. */
export const kernelResult = (result: number): string =>
  result < 0 ? (names.get(-result) ?? String(result)) : String(result)
