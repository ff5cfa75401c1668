// Files with fivefold/fs beside node:fs: each run a fresh process, interleaved, medians. CPU time per operation is that
// of the whole process, all threads, the kernel's workers for it included.
//
//   node bench/faces/files.mjs [SCENARIO ...] [--runs N] [--seconds N] [--file PATH]
import { execFileSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '1' },
    file: { type: 'string', default: join(tmpdir(), 'fivefold-bench-file') },
    json: { type: 'boolean', default: false },
  },
})
const child = fileURLToPath(new URL('./files-run.mjs', import.meta.url))
const CACHED = 64 * 1024 * 1024
const STREAMED = 1024 * 1024 * 1024
const SMALL_FILES = 10_000

/** What is compared: the contestant measured against comes first. `reach`: [against, how many times]. */
const scenarios = {
  read64: {
    title: 'random 4 KiB reads, page cache, 64 in flight',
    size: CACHED,
    contestants: [
      'node.promises',
      'node.callback',
      'node.sync',
      'auto.promises',
      'posix-aio.promises',
      'auto.batch',
    ],
    arguments: ['reads', '64'],
    reach: [
      ['auto.promises', 'node.promises', 8],
      ['auto.promises', 'node.callback', 2.5],
      ['auto.batch', 'node.sync', 1],
    ],
  },
  read1: {
    title: 'random 4 KiB reads, page cache, one at a time',
    size: CACHED,
    contestants: ['node.promises', 'auto.promises', 'posix-aio.promises'],
    arguments: ['reads', '1'],
    reach: [['auto.promises', 'node.promises', 1]],
  },
  direct64: {
    title: 'random 4 KiB reads, O_DIRECT, 64 in flight',
    size: CACHED,
    contestants: ['node.promises', 'auto.promises', 'auto.batch'],
    arguments: ['direct', '64'],
    reach: [['auto.promises', 'node.promises', 1 / 0.35]],
  },
  readFile: {
    title: `readFile of ${SMALL_FILES} files of 4 KiB, 32 in flight`,
    folder: true,
    contestants: ['node.promises', 'auto.promises', 'posix-aio.promises'],
    arguments: ['readFile', '32'],
    reach: [['auto.promises', 'node.promises', 3]],
  },
  writeFile: {
    title: '2000 files of 4 KiB written by writeFile, 32 in flight',
    folder: true,
    contestants: ['node.promises', 'auto.promises'],
    arguments: ['writeFile', '32'],
    reach: [],
  },
  streamRead: {
    title: '1 GiB read by createReadStream (an operation is 64 KiB)',
    size: STREAMED,
    contestants: ['node.promises', 'auto.promises'],
    arguments: ['streamRead', '1'],
    reach: [['auto.promises', 'node.promises', 1.2]],
  },
  streamWrite: {
    title: '1 GiB written by createWriteStream (an operation is 64 KiB)',
    size: CACHED,
    contestants: ['node.promises', 'auto.promises'],
    arguments: ['streamWrite', '1'],
    reach: [['auto.promises', 'node.promises', 1.2]],
  },
}

function prepareFile(path, bytes) {
  if (existsSync(path) && statSync(path).size === bytes) return
  const fd = openSync(path, 'w')
  const block = Buffer.alloc(1024 * 1024)
  for (let at = 0; at < bytes; at += block.length) {
    // Each 4 KiB begins with its number, so that a reader can tell that it got what it asked for.
    for (let page = 0; page < block.length; page += 4096) block.writeUInt32LE((at + page) / 4096, page)
    writeSync(fd, block, 0, block.length, at)
  }
  closeSync(fd)
}

function prepareFolder(path) {
  if (existsSync(join(path, String(SMALL_FILES - 1)))) return
  mkdirSync(path, { recursive: true })
  const data = Buffer.alloc(4096)
  for (let index = 0; index < SMALL_FILES; index++) {
    data.writeUInt32LE(index, 0)
    const fd = openSync(join(path, String(index)), 'w')
    writeSync(fd, data)
    closeSync(fd)
  }
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]

const names = positionals.length > 0 ? positionals : Object.keys(scenarios)
const all = {}
for (const name of names) {
  const scenario = scenarios[name]
  if (scenario === undefined)
    throw new Error(`no scenario ${name}; there are: ${Object.keys(scenarios).join(', ')}`)
  let target = values.file
  if (scenario.folder) prepareFolder((target = `${values.file}.d`))
  else prepareFile((target = `${values.file}.${scenario.size}`), scenario.size)
  const found = Object.fromEntries(scenario.contestants.map((contestant) => [contestant, []]))
  for (let run = 0; run < Number(values.runs); run++) {
    const order = run % 2 === 0 ? scenario.contestants : scenario.contestants.toReversed()
    for (const contestant of order) {
      const output = execFileSync(
        process.execPath,
        [child, contestant, ...scenario.arguments, target, values.seconds],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
      )
      found[contestant].push(JSON.parse(output))
    }
  }
  console.log(`\n${name}: ${scenario.title}`)
  const rows = {}
  for (const [contestant, runs] of Object.entries(found)) {
    const rate = median(runs.map((run) => run.rate))
    const cpu = median(runs.map((run) => run.cpuMicros))
    rows[contestant] = { 'operations/s': Math.round(rate), 'CPU µs/operation': Number(cpu.toFixed(2)) }
  }
  console.table(rows)
  for (const [ours, theirs, times] of scenario.reach) {
    // Within a round: what disturbs it disturbs both.
    const ratios = (field) =>
      median(
        found[ours].map((run, index) => {
          const other = found[theirs][index]
          return field === 'rate' ? run.rate / other.rate : other.cpuMicros / run.cpuMicros
        }),
      )
    const [rate, cpu] = [ratios('rate'), ratios('cpuMicros')]
    const verdict = cpu >= times ? 'reached' : rate >= times ? 'reached by rate alone' : 'not reached'
    console.log(
      `  ${ours} against ${theirs}: ${cpu.toFixed(2)} x by CPU time, ${rate.toFixed(2)} x by rate; ` +
        `to reach: ${times.toFixed(2)}: ${verdict}`,
    )
  }
  all[name] = found
}
if (values.json) console.log(JSON.stringify(all))
for (const end of [`.${STREAMED}`, '.written']) rmSync(values.file + end, { force: true })
