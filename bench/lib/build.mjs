// Compiles the C programs with the machine's cc, when a source is newer than its binary.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs'
import { bin, source } from './paths.mjs'

/** @type {Record<string, string[]>} */
const libraries = { uv: ['-luv'] }

/**
 * @returns {{ cc: string | null, missing: Map<string, string> }} which programs could not be built, and why
 */
export function build() {
  const missing = new Map()
  const names = readdirSync(source)
    .filter((name) => name.endsWith('.c'))
    .map((name) => name.slice(0, -2))
  const { error, stdout } = spawnSync('cc', ['--version'], { encoding: 'utf8' })
  if (error) {
    for (const name of names) missing.set(name, 'there is no cc on this machine')
    return { cc: null, missing }
  }
  mkdirSync(bin, { recursive: true })
  const headers = readdirSync(source).filter((name) => name.endsWith('.h'))
  const newestHeader = Math.max(...headers.map((name) => statSync(source + name).mtimeMs))
  for (const name of names) {
    if (name === 'uv' && !hasHeader('uv.h')) {
      missing.set(name, "libuv's headers (uv.h) are not installed")
      continue
    }
    const newest = Math.max(newestHeader, statSync(`${source}${name}.c`).mtimeMs)
    if (existsSync(bin + name) && statSync(bin + name).mtimeMs > newest) continue
    const parameters = [
      '-std=gnu11',
      '-Wall',
      '-Wextra',
      '-O2',
      '-pthread',
      `${source}${name}.c`,
      '-o',
      `${bin}${name}.new`, // whole, or not there: an older one may be running
    ]
    const { status, stderr } = spawnSync('cc', [...parameters, ...(libraries[name] ?? [])], {
      encoding: 'utf8',
    })
    if (stderr) process.stderr.write(stderr)
    if (status === 0) renameSync(`${bin}${name}.new`, bin + name)
    else missing.set(name, `${name}.c does not compile here`)
  }
  return { cc: stdout.split('\n')[0], missing }
}

function hasHeader(/** @type {string} */ name) {
  return spawnSync('cc', ['-E', '-include', name, '-x', 'c', '/dev/null'], { stdio: 'ignore' }).status === 0
}
