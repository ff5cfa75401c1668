// Bun and Deno, and libraries that stand beside ours, come from npm, into a folder of the bench's own. Their wrapper packages fetch the program in
// an install script; the platform packages hold it themselves, so those are installed and no script runs.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { peersInstall } from './paths.mjs'

const musl = !(/** @type {any} */ (process.report.getReport()).header.glibcVersionRuntime)

/** `library`: its version; there is nothing to start. @type {Record<string, { name: string, file: string, library?: string } | undefined>} */
const packages = {
  bun: {
    name: `@oven/bun-linux-${process.arch === 'arm64' ? 'aarch64' : 'x64'}${musl ? '-musl' : ''}`,
    file: 'bin/bun',
  },
  sirv: { name: 'sirv', file: 'package.json', library: '3.0.2' },
  'serve-handler': { name: 'serve-handler', file: 'package.json', library: '6.1.8' },
  deno: musl ? undefined : { name: `@deno/linux-${process.arch}-glibc`, file: 'deno' },
}

/**
 * @param {string[]} wanted
 * @returns {Map<string, { path?: string, version?: string, reason?: string }>}
 */
export function installPeers(wanted) {
  const found = new Map()
  const absent = []
  for (const name of wanted) {
    const entry = packages[name]
    if (!entry) {
      found.set(name, { reason: `${name} has no package for this system` })
      continue
    }
    if (!existsSync(pathOf(entry))) absent.push(entry)
  }
  let failure = ''
  if (absent.length > 0) {
    mkdirSync(peersInstall, { recursive: true })
    writeFileSync(`${peersInstall}package.json`, '{ "private": true }\n')
    console.error(`Installing ${absent.map(({ name }) => name).join(' and ')} into bench/.peers …`)
    // npm would remove what it is not told of.
    const installed = Object.values(packages).filter(
      (entry) => entry !== undefined && existsSync(pathOf(entry)),
    )
    const names = [...installed, ...absent].map(({ name, library }) =>
      library ? `${name}@${library}` : name,
    )
    const parameters = ['install', '--ignore-scripts', '--no-save', '--no-audit', '--no-fund', ...names]
    const { status, stderr } = spawnSync('npm', parameters, {
      cwd: peersInstall,
      encoding: 'utf8',
      timeout: 180_000,
    })
    if (status !== 0) failure = stderr?.match(/npm error code (\w+)/)?.[1] ?? 'npm failed'
  }
  for (const name of wanted) {
    const entry = packages[name]
    if (!entry) continue
    const path = pathOf(entry)
    if (!existsSync(path)) {
      found.set(name, { reason: `${name} could not be installed${failure && ` (${failure})`}` })
      continue
    }
    if (entry.library) {
      found.set(name, { path, version: entry.library })
      continue
    }
    const { stdout, status } = spawnSync(path, ['--version'], { encoding: 'utf8' })
    if (status === 0) found.set(name, { path, version: stdout.match(/\d+\.\d+\.\d+/)?.[0] })
    else found.set(name, { reason: `${name} does not start here` })
  }
  return found
}

const pathOf = (/** @type {{ name: string, file: string }} */ { name, file }) =>
  `${peersInstall}node_modules/${name}/${file}`
