/** Which of the asynchronous mechanisms can be had here, found out by trying. */
import { modelNamed } from 'fivefold'
import { close, errnoName, rawIoUringSetup } from 'fivefold/sys'

/** @returns '' when io_uring can be had, else the errno's name */
export function ioUringMissing(): string {
  const fd = rawIoUringSetup(8, new Int32Array(30))
  if (fd < 0) return errnoName(fd)
  close(fd)
  return ''
}

/** POSIX aio: not on musl, and not where the C library keeps it in a library of its own. */
export function aioWorks(): boolean {
  return modelNamed('posix-aio').probe().ok
}
