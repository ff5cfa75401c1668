// Whole files, with node:fs/promises or what looks like it: node files.mjs MODULE readFile|streamRead|streamWrite TARGET AMOUNT
//
//   readFile      every file of the folder TARGET, 32 in flight, AMOUNT times over
//   streamRead    the file TARGET by createReadStream, AMOUNT times over
//   streamWrite   AMOUNT MiB in chunks of 64 KiB by createWriteStream, into a fresh file that is named after TARGET
//
// An operation is a file, or 64 KiB. A tenth of the work comes first, as a warm-up, and is not counted.
import { readdirSync, statSync, unlinkSync } from 'node:fs'
import { tell } from '../lib/reads.mjs'

const [module, work, target, amountText] = process.argv.slice(2)
const api = await import(module)
const amount = Number(amountText)
const CHUNK = 64 * 1024
const IN_FLIGHT = 32
let operations = 0

/** What files of 4 KiB begin with is their number. */
async function readFiles(paths) {
  let next = 0
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (next < paths.length) {
        const index = next++
        const data = await api.readFile(paths[index])
        if (data.length !== 4096 || data.readUInt32LE(0) !== Number(/\d+$/.exec(paths[index])[0])) {
          throw new Error(`${paths[index]} has other bytes`)
        }
        operations++
      }
    }),
  )
}

async function streamRead(end) {
  const file = await api.open(target)
  let bytes = 0
  for await (const chunk of file.createReadStream({ end })) {
    // Each 4 KiB begin with their number.
    if (chunk.readUInt32LE(0) !== bytes / 4096) throw new Error(`wrong bytes at ${bytes}`)
    bytes += chunk.length
  }
  if (bytes !== end + 1) throw new Error(`${bytes} bytes`)
  operations += bytes / CHUNK
}

async function streamWrite(megabytes) {
  const path = `${target}.${megabytes}`
  const chunk = Buffer.alloc(CHUNK, 7)
  const file = await api.open(path, 'w')
  const stream = file.createWriteStream()
  const closed = new Promise((resolve, reject) => stream.once('close', resolve).once('error', reject))
  for (let left = megabytes * 16; left > 0; left--) {
    operations++
    if (!stream.write(chunk)) await new Promise((resolve) => stream.once('drain', resolve))
  }
  stream.end()
  await closed
  if (statSync(path).size !== megabytes << 20) throw new Error('it is short')
  // When the clock has stopped.
  leave.push(path)
}
const leave = []

const works = {
  async readFile() {
    const paths = readdirSync(target, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => `${entry.parentPath}/${entry.name}`)
    return [
      () => readFiles(paths.slice(0, paths.length * amount * 0.1)),
      async () => {
        for (let times = 0; times < amount; times++) await readFiles(paths)
      },
    ]
  },
  async streamRead() {
    const { size } = statSync(target)
    return [
      () => streamRead(Math.ceil((size * amount) / 10 / CHUNK) * CHUNK - 1),
      async () => {
        for (let times = 0; times < amount; times++) await streamRead(size - 1)
      },
    ]
  },
  async streamWrite() {
    return [() => streamWrite(Math.ceil(amount / 10)), () => streamWrite(amount)]
  },
}

const [warmUp, whole] = await works[work]()
await warmUp()
operations = 0
const began = performance.now()
const cpu = process.cpuUsage()
await whole()
tell(operations, began, cpu, 0)
for (const path of leave) unlinkSync(path)
