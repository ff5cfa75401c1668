// Random reads of one file, by a program that reads by itself and says how many, or by fio.
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { bin } from './paths.mjs'
import { atEnd, runForJson, runForText } from './processes.mjs'
import { SERVER } from './server.mjs'

const READS_IN_FLIGHT = '64'
/** A file whose 4 KiB blocks begin with their own number, so that a reader can tell right from wrong. */
export function blockFile(/** @type {number} */ megabytes) {
  const path = `${bin}blocks-${megabytes}`
  if (existsSync(path) && statSync(path).size === megabytes << 20) return path
  atEnd(() => rmSync(path, { force: true }))
  const file = openSync(`${path}.new`, 'w')
  const chunk = Buffer.alloc(1 << 20)
  for (let i = 0; i < megabytes; i++) {
    for (let j = 0; j < 256; j++) chunk.writeUInt32LE(i * 256 + j, j * 4096)
    writeSync(file, chunk)
  }
  closeSync(file)
  renameSync(`${path}.new`, path) // whole, or not there
  return path
}

/**
 * @param {import('./contestants.mjs').Contestant & { command: string[] }} contestant
 * @param {{ direct?: boolean, megabytes?: number }} scenario
 * @param {import('./measure.mjs').Times} times
 * @returns {Promise<import('./measure.mjs').Result>}
 */
export async function measureFiles({ command, witness }, { direct = false, megabytes = 256 }, { duration }) {
  const blocks = blockFile(megabytes)
  if (!direct) readFileSync(blocks) // into the page cache
  if (witness === 'fio') return fio(blocks, direct, duration)
  const parameters = [blocks, READS_IN_FLIGHT, String(duration), ...(direct ? ['direct'] : [])]
  // C programs are named with a port that they have no use for here.
  const whole = [...command.filter((word) => word !== '0'), ...parameters]
  const raw = await runForJson(whole, { core: SERVER, seconds: duration + 60 })
  if (raw.wrong) throw new Error(`${raw.wrong} reads brought wrong bytes`)
  if (!raw.operations) throw new Error('nothing was read')
  return told(raw)
}

/** What a program said of itself, as a result. @returns {import('./measure.mjs').Result} */
export function told(/** @type {any} */ raw) {
  return {
    rate: raw.operationsPerSecond,
    cpu: raw.cpuMicrosPerOperation,
    notes: [],
    disturbed: [],
    raw,
  }
}

/** @returns {Promise<import('./measure.mjs').Result>} */
async function fio(
  /** @type {string} */ blocks,
  /** @type {boolean} */ direct,
  /** @type {number} */ duration,
) {
  const parameters = [
    '--name=reads',
    `--filename=${blocks}`,
    ...['--readonly', '--ioengine=io_uring', '--rw=randread', '--bs=4k', `--iodepth=${READS_IN_FLIGHT}`],
    `--direct=${direct ? 1 : 0}`,
    '--invalidate=0', // by itself it would throw the file out of the page cache first
    ...['--norandommap', '--randrepeat=0', '--gtod_reduce=1', '--thread', '--time_based'],
    `--runtime=${Math.ceil(duration * 1000)}ms`,
    '--output-format=json',
  ]
  const text = await runForText(['fio', ...parameters], { core: SERVER, seconds: duration + 60 })
  const { jobs } = JSON.parse(text.slice(text.indexOf('{')))
  const [{ read, usr_cpu, sys_cpu, job_runtime, error }] = jobs
  if (error) throw new Error(`fio: errno ${error}`)
  const cpuSeconds = (((usr_cpu + sys_cpu) / 100) * job_runtime) / 1000
  return {
    rate: read.iops,
    cpu: (cpuSeconds * 1e6) / read.total_ios,
    notes: ['no bytes checked'],
    disturbed: [],
    raw: {
      operations: read.total_ios,
      operationsPerSecond: read.iops,
      seconds: read.runtime / 1000,
      cpuSeconds,
    },
  }
}
