// Random 4 KiB reads through one model's driver, without promises: node bench/ours/files.mjs MODEL FILE DEPTH SECONDS
// [direct]. The driver has the thread to itself, and Node's loop goes round in between.
import { openSync } from 'node:fs'
import { FileOperation, Kind, modelNamed } from 'fivefold'
import { BLOCK, reads } from '../lib/reads.mjs'

const [model, path, depth, seconds, direct] = process.argv.slice(2)
const { flags, buffers, nextBlock, arrived, begin, timeLeft, finish } = reads(
  path,
  Number(depth),
  Number(seconds),
  direct !== undefined,
)
const driver = modelNamed(model).open({ host: 'dedicated' })

let due = []
const owner = {
  completed(operation) {
    if (operation.result < 0) throw new Error(`read: errno ${-operation.result}`)
    inFlight--
    arrived(operation.buffers[0], operation.result, operation.position / BLOCK)
    due.push(operation) // not submitted from here: some models complete within submit, and would never return
  },
}
// A descriptor for each: glibc's aio serves the requests of one descriptor one after another.
for (const buffer of buffers) {
  const operation = new FileOperation(Kind.read, openSync(path, flags), owner)
  operation.buffers = [buffer]
  due.push(operation)
}

let inFlight = 0
async function round(more) {
  const now = due
  due = []
  if (more) {
    inFlight += now.length
    for (const operation of now) {
      operation.position = nextBlock() * BLOCK
      driver.submit(operation)
    }
  }
  driver.turn(due.length > 0 ? 0 : 20)
  await new Promise((resolve) => setImmediate(resolve))
}

// Each once: what has to be started for it, such as a thread, is there.
await round(true)
while (inFlight > 0) await round(false)
begin()
while (timeLeft()) await round(true)
while (inFlight > 0) await round(false)
driver.close()
finish()
