// Makes a fresh clone ready: installs what package-lock.json names, then builds, and removes what was built of sources
// that are gone. Silent when there is nothing to do, so `npm start` and `npm test` can call it every time.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

function run(command, args) {
  const { status, error, signal } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (error) console.error(`${command}: ${error.message}`)
  if (status !== 0) process.exit(status ?? (signal ? 130 : 1))
}

const [major, minor] = process.versions.node.split('.').map(Number)
if (process.platform !== 'linux') {
  console.error(`fivefold is about Linux's I/O models; this is ${process.platform}.`)
  process.exit(1)
}
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`fivefold needs Node.js 20.19 or newer; this is ${process.versions.node}.`)
  process.exit(1)
}

const modified = (path) => (existsSync(root + path) ? statSync(root + path).mtimeMs : 0)
if (modified('node_modules/.package-lock.json') < modified('package-lock.json')) {
  console.error('Installing what package-lock.json names …')
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'])
}
run(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-b'])
// tsc leaves it, and a test that was deleted or moved would go on running.
for (const workspace of ['packages/fivefold/', 'packages/lab/']) {
  for (const built of readdirSync(`${root}${workspace}dist`, { recursive: true })) {
    const [, name] = /^(.*?)(?:\.d\.ts|\.js)(?:\.map)?$/.exec(built) ?? []
    if (name !== undefined && !existsSync(`${root}${workspace}src/${name}.ts`)) {
      rmSync(`${root}${workspace}dist/${built}`)
    }
  }
}
run(process.execPath, [`${root}scripts/bundle.mjs`])
