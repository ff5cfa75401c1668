// What a database does: many pages at random places of one file, 64 at a time, past the page cache where possible.
//   node examples/random-reader.mjs FILE [BATCHES]
import { constants } from 'node:fs'
import { alignedBuffer, open } from 'fivefold/fs'

const [path = process.execPath, batches = '1000'] = process.argv.slice(2)
const PAGE = 4096
const AT_ONCE = 64

const file = await open(path, constants.O_RDONLY | constants.O_DIRECT).catch(() => open(path))
const pages = Math.floor((await file.stat()).size / PAGE)
const memory = alignedBuffer(AT_ONCE * PAGE)
const buffers = Array.from({ length: AT_ONCE }, (_, index) =>
  memory.subarray(index * PAGE, (index + 1) * PAGE),
)

let bytes = 0
const began = performance.now()
for (let batch = 0; batch < Number(batches); batch++) {
  const positions = buffers.map(() => Math.floor(Math.random() * pages) * PAGE)
  for (const read of await file.readBatch(buffers, positions)) bytes += read
}
const seconds = (performance.now() - began) / 1000
await file.close()
console.log(`${bytes / PAGE} pages by ${file.model}, ${Math.round(bytes / PAGE / seconds)} a second`)
