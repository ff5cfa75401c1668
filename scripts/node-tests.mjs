// Runs Node's own tests with fivefold in the place of Node's modules. None of them is in this repository: name a copy of
// Node's `test` folder (of the sources of a release, or of github.com/denoland/node_test).
//
//   node scripts/node-tests.mjs PATH/test net              # test-net-* of parallel/ and sequential/, with fivefold
//   node scripts/node-tests.mjs PATH/test http --stock     # without it: what passes anyway
//   node scripts/node-tests.mjs PATH/test fs-promises      # those, with fivefold/fs
//   … --model poll   --node /path/to/node   --only NAME    --jobs 2   --timeout 120   --json FILE   --show
//
// A test counts as one of Node's internals when it asks for them (--expose-internals, process.binding) or works on `_handle`.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    stock: { type: 'boolean' },
    model: { type: 'string' },
    node: { type: 'string', default: process.execPath },
    only: { type: 'string', multiple: true, default: [] },
    jobs: { type: 'string', default: '2' },
    timeout: { type: 'string', default: '120' },
    json: { type: 'string' },
    show: { type: 'boolean' },
  },
})
const [tree, family = 'net'] = positionals
if (tree === undefined) {
  console.error(
    'node scripts/node-tests.mjs PATH-TO-NODE-TESTS [net | http | dgram | fs-promises | …] [options]',
  )
  process.exit(2)
}
const preload = fileURLToPath(
  new URL(
    family === 'fs-promises' ? 'node-tests-fs.cjs' : '../packages/fivefold/dist/register.js',
    import.meta.url,
  ),
)
const scratch = mkdtempSync(join(tmpdir(), 'fivefold-node-tests-'))
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))

const filesIn = (folder) =>
  readdirSync(folder)
    .filter((name) => name.startsWith(`test-${family}-`) && /\.m?js$/.test(name))
    .filter((name) => flags.only.length === 0 || flags.only.some((part) => name.includes(part)))
    .sort()
    .map((name) => join(folder, name))
const parallel = filesIn(resolve(tree, 'parallel'))
// Those share ports and clocks: Node runs them one after the other.
const sequential = existsSync(resolve(tree, 'sequential')) ? filesIn(resolve(tree, 'sequential')) : []

/** @returns {Promise<{ name: string, status: string, internals: boolean, output: string }>} */
function run(path, job) {
  const name = basename(path)
  const text = readFileSync(path, 'utf8')
  const own = [...text.matchAll(/^\/\/ Flags:(.*)$/gm)].flatMap(([, line]) => line.trim().split(/\s+/))
  const internals = /--expose.internals|process\.binding|\b_handle\b/.test(text)
  // Not by --import: with that Node loads the program late, and in a cluster's worker loses what was sent to it before.
  const args = [...own, ...(flags.stock ? [] : ['--require', preload]), path]
  const child = spawn(flags.node, args, {
    cwd: scratch,
    env: {
      ...process.env,
      NODE_TEST_DIR: scratch,
      TEST_THREAD_ID: String(job),
      TEST_SERIAL_ID: String(job),
      ...(flags.model ? { FIVEFOLD_MODEL: flags.model } : {}),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  child.stderr.on('data', (chunk) => (output += chunk))
  return new Promise((done) => {
    let late = false
    const timer = setTimeout(() => {
      late = true
      // Its children too: it leads a group of its own.
      process.kill(-child.pid, 'SIGKILL')
    }, Number(flags.timeout) * 1000)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      const status = late
        ? 'hangs'
        : signal !== null
          ? `crashes (${signal})`
          : code !== 0
            ? 'fails'
            : /^1\.\.0 # Skipped/m.test(output)
              ? 'skipped'
              : 'passes'
      done({ name, status, internals, output })
    })
  })
}

const results = []
async function runAll(files, jobs) {
  let next = 0
  await Promise.all(
    Array.from({ length: jobs }, async (_, job) => {
      while (next < files.length) {
        const result = await run(files[next++], job + 1)
        results.push(result)
        if (result.status === 'passes' || result.status === 'skipped') continue
        console.log(`${result.status.padEnd(8)} ${result.name}${result.internals ? '  (internals)' : ''}`)
        if (flags.show) console.log(result.output.slice(-2500))
      }
    }),
  )
}
await runAll(parallel, Number(flags.jobs))
await runAll(sequential, 1)
results.sort((a, b) => (a.name < b.name ? -1 : 1))
const count = (status, among = results) => among.filter((result) => result.status.startsWith(status)).length
const outside = results.filter(({ internals }) => !internals)
console.log(
  `${results.length} tests: ${count('passes')} pass, ${count('skipped')} skipped, ${count('fails')} fail, ` +
    `${count('hangs')} hang, ${count('crashes')} crash; outside Node's internals ${outside.length}: ` +
    `${count('passes', outside)} pass`,
)
if (flags.json) writeFileSync(flags.json, JSON.stringify(results, null, 1))
process.exit(count('passes') + count('skipped') === results.length ? 0 : 1)
