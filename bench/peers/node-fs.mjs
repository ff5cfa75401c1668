// Random 4 KiB reads with node:fs in three forms: node node-fs.mjs sync|callback|promises FILE DEPTH SECONDS [direct]
import { closeSync, constants, fstatSync, openSync, read, readSync } from 'node:fs'
import { open } from 'node:fs/promises'

const [form, path, depthText, secondsText, direct] = process.argv.slice(2)
const BLOCK = 4096
const depth = form === 'sync' ? 1 : Number(depthText)
const flags = constants.O_RDONLY | (direct ? constants.O_DIRECT : 0)
const fd = openSync(path, flags)
const blocks = Math.floor(fstatSync(fd).size / BLOCK)
const warmup = 0.3
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
    if (error.code !== 'EINVAL') throw error
  }
}
const buffers = Array.from({ length: depth }, (_, i) =>
  slab.subarray(offset + i * BLOCK, offset + (i + 1) * BLOCK),
)

function nextBlock() {
  seed ^= seed << 13
  seed ^= seed >>> 17
  seed ^= seed << 5
  return (seed >>> 0) % blocks
}
function arrived(buffer, length, block) {
  operations++
  if (length !== BLOCK || buffer.readUInt32LE(0) !== block) wrong++
}

let started = performance.now()
let cpu = process.cpuUsage()
let warm = false
let calls = 0
let more = true
function timeLeft() {
  if ((calls++ & 31) !== 0) return more
  const seconds = (performance.now() - started) / 1000
  if (!warm && seconds > warmup) {
    warm = true
    operations = 0
    started = performance.now()
    cpu = process.cpuUsage()
  } else if (warm) {
    more = seconds < Number(secondsText)
  }
  return more
}
function finish() {
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
  closeSync(fd)
}

if (form === 'sync') {
  while (timeLeft()) {
    const block = nextBlock()
    arrived(buffers[0], readSync(fd, buffers[0], 0, BLOCK, block * BLOCK), block)
  }
  finish()
} else if (form === 'callback') {
  let inFlight = depth
  const next = (buffer) => {
    if (!timeLeft()) {
      if (--inFlight === 0) finish()
      return
    }
    const block = nextBlock()
    read(fd, buffer, 0, BLOCK, block * BLOCK, (error, length) => {
      if (error) throw error
      arrived(buffer, length, block)
      next(buffer)
    })
  }
  for (const buffer of buffers) next(buffer)
} else {
  const file = await open(path, flags)
  await Promise.all(
    buffers.map(async (buffer) => {
      while (timeLeft()) {
        const block = nextBlock()
        const { bytesRead } = await file.read(buffer, 0, BLOCK, block * BLOCK)
        arrived(buffer, bytesRead, block)
      }
    }),
  )
  await file.close()
  finish()
}
