// One run of files.mjs: node files-run.mjs CONTESTANT WORK DEPTH TARGET SECONDS
import * as fs from 'node:fs'
import * as promises from 'node:fs/promises'
import { alignedBuffer, FileSystem } from 'fivefold/fs'

const [contestant, work, depthText, target, secondsText] = process.argv.slice(2)
const [who, form] = contestant.split('.')
const depth = Number(depthText)
const BLOCK = 4096
const api = who === 'node' ? promises : new FileSystem({ model: who })

let operations = 0
let seed = 123456789
function random(below) {
  seed ^= seed << 13
  seed ^= seed >>> 17
  seed ^= seed << 5
  return (seed >>> 0) % below
}

// ---- the clock: a warm-up, then what counts

const WARM_UP = 0.3
let warm = false
let began = performance.now()
let cpu = process.cpuUsage()
let checks = 0
let more = true
function timeLeft() {
  if ((checks++ & 15) !== 0) return more
  const seconds = (performance.now() - began) / 1000
  if (!warm && seconds > WARM_UP) restart()
  else if (warm) more = seconds < Number(secondsText)
  return more
}
function restart() {
  warm = true
  operations = 0
  began = performance.now()
  cpu = process.cpuUsage()
}
function report() {
  const seconds = (performance.now() - began) / 1000
  const used = process.cpuUsage(cpu)
  console.log(
    JSON.stringify({
      rate: operations / seconds,
      cpuMicros: (used.user + used.system) / operations,
      operations,
    }),
  )
}
function check(buffer, bytes, block) {
  operations++
  if (bytes !== BLOCK || buffer.readUInt32LE(0) !== block) throw new Error(`block ${block}: ${bytes} bytes`)
}

// ---- the works

async function reads(direct) {
  const flags = fs.constants.O_RDONLY | (direct ? fs.constants.O_DIRECT : 0)
  const file = await api.open(target, flags)
  const blocks = (await file.stat()).size / BLOCK
  const memory = alignedBuffer(depth * BLOCK)
  const buffers = Array.from({ length: depth }, (_, index) =>
    memory.subarray(index * BLOCK, (index + 1) * BLOCK),
  )
  if (form === 'sync') {
    while (timeLeft()) {
      const block = random(blocks)
      check(buffers[0], fs.readSync(file.fd, buffers[0], 0, BLOCK, block * BLOCK), block)
    }
  } else if (form === 'callback') {
    await Promise.all(
      buffers.map(
        (buffer) =>
          new Promise((resolve, reject) => {
            const next = () => {
              if (!timeLeft()) return resolve()
              const block = random(blocks)
              fs.read(file.fd, buffer, 0, BLOCK, block * BLOCK, (error, bytes) => {
                if (error) return reject(error)
                check(buffer, bytes, block)
                next()
              })
            }
            next()
          }),
      ),
    )
  } else if (form === 'batch') {
    const positions = new Float64Array(depth)
    while (timeLeft()) {
      checks = 0
      for (let index = 0; index < depth; index++) positions[index] = random(blocks) * BLOCK
      const results = await file.readBatch(buffers, positions)
      for (let index = 0; index < depth; index++)
        check(buffers[index], results[index], positions[index] / BLOCK)
    }
  } else {
    await Promise.all(
      buffers.map(async (buffer) => {
        while (timeLeft()) {
          const block = random(blocks)
          const { bytesRead } = await file.read(buffer, 0, BLOCK, block * BLOCK)
          check(buffer, bytesRead, block)
        }
      }),
    )
  }
  report()
  await file.close()
}

async function readFiles() {
  const count = 10_000
  const once = async (from, to) => {
    let next = from
    await Promise.all(
      Array.from({ length: depth }, async () => {
        while (next < to) {
          const index = next++
          const data = await api.readFile(`${target}/${index}`)
          check(data, data.length, index)
        }
      }),
    )
  }
  await once(0, count / 10)
  restart()
  await once(0, count)
  report()
}

async function writeFiles() {
  const folder = fs.mkdtempSync(`${target}.written-`)
  const data = Buffer.alloc(BLOCK)
  const once = async (count) => {
    let next = 0
    await Promise.all(
      Array.from({ length: depth }, async () => {
        while (next < count) {
          await api.writeFile(`${folder}/${next++}`, data)
          operations++
        }
      }),
    )
  }
  await once(200)
  restart()
  await once(2000)
  report()
  fs.rmSync(folder, { recursive: true })
}

async function streamRead() {
  const once = async () => {
    const file = await api.open(target)
    let bytes = 0
    await new Promise((resolve, reject) => {
      file
        .createReadStream()
        .on('data', (chunk) => {
          bytes += chunk.length
          operations++
        })
        .on('error', reject)
        .on('close', resolve)
    })
    if (bytes !== fs.statSync(target).size) throw new Error(`${bytes} bytes`)
  }
  await once()
  restart()
  await once()
  report()
}

async function streamWrite() {
  const chunk = Buffer.alloc(64 * 1024, 7)
  // A fresh file each time: cutting an old one, and ext4's writing out of what replaces it, are no part of a stream.
  const once = async (chunks) => {
    const path = `${target}.written.${chunks}`
    const file = await api.open(path, 'w')
    const stream = file.createWriteStream()
    for (let index = 0; index < chunks; index++) {
      operations++
      if (!stream.write(chunk)) await new Promise((resolve) => stream.once('drain', resolve))
    }
    await new Promise((resolve) => stream.end(resolve).once('close', resolve))
    if (fs.statSync(path).size !== chunks * chunk.length) throw new Error('it is short')
  }
  await once(512)
  restart()
  await once(16384)
  report()
  for (const chunks of [512, 16384]) fs.unlinkSync(`${target}.written.${chunks}`)
}

await {
  reads: () => reads(false),
  direct: () => reads(true),
  readFile: readFiles,
  writeFile: writeFiles,
  streamRead,
  streamWrite,
}[work]()
