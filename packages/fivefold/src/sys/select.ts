/** select(2), pselect(2). */
import { bind, errno, type Pointer } from './ffi.js'

const selectC = bind<
  (nfds: number, read: Pointer, write: Pointer, except: Pointer, timeout: Pointer) => number
>('select', 'int', ['int', 'pointer', 'pointer', 'pointer', 'pointer'])

/** select(2). The sets must have `nfds` bits in whole longs. @returns how many are ready, or a negative errno */
export function rawSelect(
  nfds: number,
  read: Pointer,
  write: Pointer,
  except: Pointer,
  timeout: Pointer,
): number {
  const result = selectC(nfds, read, write, except, timeout)
  return result < 0 ? -errno() : result
}
