// Runs the compiled tests of every package, and those of the bench, with node:test. Arguments narrow the choice to
// files whose path contains one of them: `npm test -- sys/socket conformance`.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('-'))
const flags = process.argv.slice(2).filter((argument) => argument.startsWith('-'))

const under = (folder, ending) =>
  readdirSync(join(root, folder), { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((name) => name.endsWith(ending) && !name.includes('node_modules'))
const files = [
  ...under('packages/fivefold/dist', '.test.js'),
  ...under('packages/lab/dist', '.test.js'),
  ...under('bench', '.test.mjs'),
]
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .sort()
if (files.length === 0) {
  console.error(`no test file's path contains ${wanted.join(' or ')}`)
  process.exit(1)
}
const { status } = spawnSync(process.execPath, ['--test', '--expose-gc', ...flags, ...files], {
  cwd: root,
  stdio: 'inherit',
})
process.exit(status ?? 1)
