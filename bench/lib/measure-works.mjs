// Whole files: read, streamed, and copied as a folder.
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { blockFile, told } from './measure-files.mjs'
import { bin } from './paths.mjs'
import { atEnd, runForJson, runForText } from './processes.mjs'
import { SERVER } from './server.mjs'

/** @typedef {{ work?: import('./scenarios.mjs').Work, files?: number, megabytes?: number, cached?: boolean }} Wanted */

const ROOM = 3 * 2 ** 30

/** A folder in memory, where what is written waits for no disk; elsewhere if there is none with room. */
function memoryFolder() {
  const place = '/dev/shm'
  let room = 0
  try {
    const { bavail, bsize } = statfsSync(place)
    room = bavail * bsize
  } catch {
    // Not here.
  }
  const folder = mkdtempSync(join(room > ROOM ? place : tmpdir(), 'fivefold-bench-'))
  atEnd(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** So many files of 4 KiB on the disk, 250 to a folder, each of which begins with its number, which is its name. */
export function smallFiles(/** @type {number} */ count) {
  const folder = `${bin}files-${count}`
  if (existsSync(`${folder}/whole`)) return `${folder}/tree`
  rmSync(folder, { recursive: true, force: true })
  atEnd(() => rmSync(folder, { recursive: true, force: true }))
  const data = Buffer.alloc(4096)
  for (let index = 0; index < count; index++) {
    const part = `${folder}/tree/${Math.trunc(index / 250)}-part`
    if (index % 250 === 0) mkdirSync(part, { recursive: true })
    data.writeUInt32LE(index)
    data.fill(`${index} `, 4)
    const file = openSync(`${part}/${index}`, 'w')
    writeSync(file, data)
    closeSync(file)
  }
  closeSync(openSync(`${folder}/whole`, 'w'))
  return `${folder}/tree`
}

const filesOf = (/** @type {string} */ folder) =>
  /** @type {string[]} */ (readdirSync(folder, { recursive: true })).filter((name) => /\d$/.test(name)).sort()

/**
 * @param {import('./contestants.mjs').Contestant & { command: string[] }} contestant
 * @param {Wanted} scenario
 * @returns {Promise<import('./measure.mjs').Result>}
 */
export async function measureWork({ command }, { work, files = 10_000, megabytes = 256 }) {
  const folder = work === 'streamWrite' ? memoryFolder() : ''
  const target =
    work === 'readFile'
      ? smallFiles(files)
      : work === 'streamRead'
        ? blockFile(megabytes)
        : `${folder}/written`
  // What is read is read four times, so that starting to be fast is a small part of it. What is written is as much.
  const amount = work === 'streamWrite' ? megabytes * 4 : 4
  try {
    // A stream's threads, Node's or the kernel's, may have the other core.
    const core = work === 'readFile' ? SERVER : undefined
    return told(await runForJson([...command, target, String(amount)], { core, seconds: 300 }))
  } finally {
    if (folder) rmSync(folder, { recursive: true })
  }
}

/**
 * A folder of small files, from the disk into memory; start and end of the program count. Both cores may be used:
 * doing several things at once is what is measured.
 * @param {import('./contestants.mjs').Contestant & { command: string[] }} contestant
 * @param {Wanted} scenario
 * @returns {Promise<import('./measure.mjs').Result>}
 */
export async function measureCopy({ command }, { files = 10_000, cached = false }) {
  const source = smallFiles(files)
  if (cached) for (const name of filesOf(source)) readFileSync(`${source}/${name}`)
  else await forget(source)
  const folder = memoryFolder()
  const target = `${folder}/copy`
  try {
    const before = childrenSeconds()
    const began = performance.now()
    await runForText(['sh', '-c', '"$@" && echo done', 'sh', ...command, source, target], { seconds: 300 })
    const seconds = (performance.now() - began) / 1000
    const cpuSeconds = childrenSeconds() - before
    const names = filesOf(source)
    const same = names.every((name) =>
      readFileSync(`${source}/${name}`).equals(readFileSync(`${target}/${name}`)),
    )
    if (!same || names.length !== files || filesOf(target).length !== files) throw new Error('wrong copies')
    const raw = { operations: files, seconds, operationsPerSecond: files / seconds, cpuSeconds }
    return { rate: raw.operationsPerSecond, cpu: (cpuSeconds * 1e6) / files, notes: [], disturbed: [], raw }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** CPU time of children that have ended, and of theirs, in steps of 10 ms. */
function childrenSeconds() {
  const stat = readFileSync('/proc/self/stat', 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[13]) + Number(fields[14])) / 100
}

/** Takes the files out of the page cache; their names and inodes stay. */
async function forget(/** @type {string} */ folder) {
  const { POSIX_FADV_DONTNEED, posix_fadvise } = await import('fivefold/sys')
  for (const name of filesOf(folder)) {
    const file = openSync(`${folder}/${name}`, 'r')
    // What is not on the disk yet cannot be taken out.
    fsyncSync(file)
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED)
    closeSync(file)
  }
}
