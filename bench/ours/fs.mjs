// Random 4 KiB reads with fivefold/fs, whose API is that of node:fs/promises: node bench/ours/fs.mjs
// promises|single|batch FILE DEPTH SECONDS [direct]
import { open } from 'fivefold/fs'
import { BLOCK, reads } from '../lib/reads.mjs'

const [form, path, depth, seconds, direct] = process.argv.slice(2)
const { flags, buffers, nextBlock, arrived, timeLeft, finish } = reads(
  path,
  form === 'single' ? 1 : Number(depth),
  Number(seconds),
  direct !== undefined,
)

const file = await open(path, flags)
if (form === 'batch') {
  const positions = new Float64Array(buffers.length)
  while (timeLeft()) {
    for (let i = 0; i < positions.length; i++) positions[i] = nextBlock() * BLOCK
    const lengths = await file.readBatch(buffers, positions)
    for (let i = 0; i < positions.length; i++) arrived(buffers[i], lengths[i], positions[i] / BLOCK)
  }
} else {
  await Promise.all(buffers.map(readOn))
}
await file.close()
finish()

async function readOn(buffer) {
  while (timeLeft()) {
    const block = nextBlock()
    const { bytesRead } = await file.read(buffer, 0, BLOCK, block * BLOCK)
    arrived(buffer, bytesRead, block)
  }
}
