// Random 4 KiB reads with node:fs: node node-fs.mjs sync|callback|promises|single FILE DEPTH SECONDS [direct]
// `single` is promises, one at a time.
import { read, readSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { BLOCK, reads } from '../lib/reads.mjs'

const [form, path, depth, seconds, direct] = process.argv.slice(2)
const oneByOne = form === 'sync' || form === 'single'
const { fd, flags, buffers, nextBlock, arrived, timeLeft, finish } = reads(
  path,
  oneByOne ? 1 : Number(depth),
  Number(seconds),
  direct !== undefined,
)

if (form === 'sync') {
  while (timeLeft()) {
    const block = nextBlock()
    arrived(buffers[0], readSync(fd, buffers[0], 0, BLOCK, block * BLOCK), block)
  }
  finish()
} else if (form === 'callback') {
  let inFlight = buffers.length
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
