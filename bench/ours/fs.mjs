// Random 4 KiB reads with fivefold/fs, whose API is that of node:fs/promises: node bench/ours/fs.mjs
// promises|single FILE DEPTH SECONDS [direct]
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
