// What the file readers in JavaScript share, as bench/c/reads.h is what those in C share: the buffers, where to read
// next, checking what came, and the result.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'

export const BLOCK = 4096
const WARMUP = 0.3

/**
 * @param {string} path
 * @param {number} depth reads in flight
 * @param {number} duration seconds
 * @param {boolean} direct O_DIRECT
 */
export function reads(path, depth, duration, direct) {
  const flags = constants.O_RDONLY | (direct ? constants.O_DIRECT : 0)
  const fd = openSync(path, flags)
  const blocks = Math.floor(fstatSync(fd).size / BLOCK)
  let operations = 0
  let wrong = 0
  let seed = 123456789

  // O_DIRECT wants an aligned address, which JavaScript can neither see nor ask for: it is found by trying.
  const slab = Buffer.allocUnsafeSlow((depth + 1) * BLOCK)
  let offset = 0
  for (; direct && offset < BLOCK; offset += 8) {
    try {
      readSync(fd, slab, offset, BLOCK, 0)
      break
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EINVAL') throw error
    }
  }
  const buffers = Array.from({ length: depth }, (_, i) =>
    slab.subarray(offset + i * BLOCK, offset + (i + 1) * BLOCK),
  )

  let started = performance.now()
  let cpu = process.cpuUsage()
  let warm = false
  let calls = 0
  let more = true
  return {
    fd,
    flags,
    buffers,
    nextBlock() {
      seed ^= seed << 13
      seed ^= seed >>> 17
      seed ^= seed << 5
      return (seed >>> 0) % blocks
    },
    arrived(/** @type {Buffer} */ buffer, /** @type {number} */ length, /** @type {number} */ block) {
      operations++
      if (length !== BLOCK || buffer.readUInt32LE(0) !== block) wrong++
    },
    /** Begins anew: for whom the first reads cost more, such as threads that must be started. */
    begin() {
      started = performance.now()
      warm = false
      operations = 0
    },
    timeLeft() {
      if ((calls++ & 31) !== 0) return more
      const seconds = (performance.now() - started) / 1000
      if (!warm && seconds > WARMUP) {
        warm = true
        operations = 0
        started = performance.now()
        cpu = process.cpuUsage()
      } else if (warm) {
        more = seconds < duration
      }
      return more
    },
    finish() {
      tell(operations, started, cpu, wrong)
      closeSync(fd)
    },
  }
}

/**
 * Prints what a program did, for measure-files.mjs and measure-works.mjs.
 * @param {number} operations
 * @param {number} started by `performance.now()`
 * @param {NodeJS.CpuUsage} cpu of that moment
 * @param {number} wrong
 */
export function tell(operations, started, cpu, wrong) {
  const seconds = (performance.now() - started) / 1000
  const used = process.cpuUsage(cpu)
  const cpuSeconds = (used.user + used.system) / 1e6
  console.log(
    JSON.stringify({
      operations,
      seconds,
      operationsPerSecond: operations / seconds,
      cpuSeconds,
      cpuMicrosPerOperation: (cpuSeconds * 1e6) / operations,
      wrong,
    }),
  )
}
