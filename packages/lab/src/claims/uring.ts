/** Whether io_uring can be had here, found out by asking for one. */
import { close, errnoName, rawIoUringSetup } from 'fivefold/sys'

/** @returns '' when it can, else the errno's name */
export function ioUringMissing(): string {
  const fd = rawIoUringSetup(8, new Int32Array(30))
  if (fd < 0) return errnoName(fd)
  close(fd)
  return ''
}
