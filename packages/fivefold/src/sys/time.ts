/**
 * Timeouts as the kernel takes them: whole milliseconds, `struct timespec`, `struct timeval`. All round up, so
 * that no wait ends early. Layouts: two 64-bit integers on x86-64 and arm64 (timespec(3type), timeval(3type)).
 */

/** `struct timespec` or `struct timeval` as four 32-bit halves, so that no BigInt is made on the way. */
export type TimeWords = Int32Array

/** Room for one `struct timespec` or `struct timeval`. */
export function timeWords(): TimeWords {
  return new Int32Array(4)
}

/** For ever: what the functions of this room mean by `null`, `Infinity` and every negative timeout. */
export function isEndless(timeoutMs: number | null): timeoutMs is null {
  return timeoutMs === null || timeoutMs < 0 || timeoutMs === Number.POSITIVE_INFINITY
}

/**
 * A timeout for poll(2) and epoll_wait(2).
 * @param timeoutMs milliseconds, rounded up; `null`, negative or `Infinity`: -1, for ever
 * @throws ERR_OUT_OF_RANGE for NaN and for more than 2^31-1 ms (24.8 days), which would wrap and end early
 */
export function wholeMilliseconds(timeoutMs: number | null): number {
  if (isEndless(timeoutMs)) return -1
  const whole = Math.ceil(timeoutMs)
  if (!(whole <= 0x7fff_ffff)) throw outOfRange(timeoutMs)
  return whole
}

/**
 * Writes a `struct timespec`: seconds and nanoseconds.
 * @param timeoutMs milliseconds, fractions welcome, rounded up to the nanosecond
 * @throws ERR_OUT_OF_RANGE for NaN, a negative or an endless time
 */
export function writeTimespec(into: TimeWords, timeoutMs: number): void {
  write(into, timeoutMs, 1_000_000)
}

/** Writes a `struct timeval`: seconds and microseconds. As `writeTimespec` otherwise. */
export function writeTimeval(into: TimeWords, timeoutMs: number): void {
  write(into, timeoutMs, 1000)
}

function write(into: TimeWords, timeoutMs: number, unitsPerMs: number): void {
  if (!(timeoutMs >= 0 && timeoutMs <= Number.MAX_SAFE_INTEGER)) throw outOfRange(timeoutMs)
  let seconds = Math.floor(timeoutMs / 1000)
  let rest = Math.ceil((timeoutMs - seconds * 1000) * unitsPerMs)
  if (rest >= unitsPerMs * 1000) {
    seconds++
    rest = 0
  }
  into[0] = seconds | 0
  into[1] = (seconds / 0x1_0000_0000) | 0
  into[2] = rest
  into[3] = 0
}

/** Reads a `struct timespec` as milliseconds. */
export function readTimespec(from: TimeWords): number {
  return secondsIn(from) * 1000 + from[2]! / 1_000_000
}

/** Reads a `struct timeval` as milliseconds. */
export function readTimeval(from: TimeWords): number {
  return secondsIn(from) * 1000 + from[2]! / 1000
}

function secondsIn(from: TimeWords): number {
  return from[1]! * 0x1_0000_0000 + (from[0]! >>> 0)
}

function outOfRange(timeoutMs: number): RangeError {
  return Object.assign(new RangeError(`a timeout of ${timeoutMs} ms is none the kernel can take`), {
    code: 'ERR_OUT_OF_RANGE',
  })
}
