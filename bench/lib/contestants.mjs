// Who can take part, under which name, and the command that starts each.
import { resolve as resolvePath } from 'node:path'
import { bin, examplesFolder, facesFolder, labCommand, oursFolder, peersFolder } from './paths.mjs'
import { site } from './site.mjs'

/**
 * @typedef {'wrk' | 'sockperf' | 'fio' | 'nginx'} Tool
 * @typedef {{ command: string[], witness?: Tool, skip?: undefined } | { skip: string, command?: undefined }} Contestant
 *   `witness`: a tool that measures by itself, in its own way
 * @typedef {{
 *   missing: Map<string, string>,
 *   peers: Map<string, { path?: string, reason?: string }>,
 *   ours: Record<string, string | null>,
 *   tools: Record<Tool, string | null>,
 * }} Available `missing`: C programs that could not be built, and why; `ours`: why an entry of the library cannot be
 *   used, or null; `tools`: versions, null where not installed
 */

const node = (/** @type {string[]} */ ...parameters) => ({ command: [process.execPath, ...parameters] })

/** @type {Record<string, Contestant>} */
const fixed = {
  'bare node': node('-e', "console.log('listening 0')"),
  'node:net': node(`${peersFolder}node-net.mjs`),
  'node:net onread': node(`${peersFolder}node-net-onread.mjs`),
  'node:http': node(`${peersFolder}node-http.mjs`),
  'node:http fastify': node(`${facesFolder}fastify.mjs`, 'node:http'),
  'node:http transfer': node(`${facesFolder}transfer.mjs`, 'node:http'),
  'node:net pipe': node(`${facesFolder}echo.mjs`, 'node:net'),
  'node:dgram': node(`${peersFolder}node-dgram.mjs`),
  'node:dgram sink': node(`${peersFolder}node-dgram.mjs`, 'sink'),
  'node:fs readSync': node(`${peersFolder}node-fs.mjs`, 'sync'),
  'node:fs read': node(`${peersFolder}node-fs.mjs`, 'callback'),
  'node:fs promises': node(`${peersFolder}node-fs.mjs`, 'promises'),
  'node:fs readFile': node(`${facesFolder}files.mjs`, 'node:fs/promises', 'readFile'),
  'node:fs streamRead': node(`${facesFolder}files.mjs`, 'node:fs/promises', 'streamRead'),
  'node:fs streamWrite': node(`${facesFolder}files.mjs`, 'node:fs/promises', 'streamWrite'),
  'node:fs cp': node('-e', 'fs.promises.cp(process.argv[1], process.argv[2], { recursive: true })'),
  'cp -r': { command: ['cp', '-r'] },
  'node:fs promises single': node(`${peersFolder}node-fs.mjs`, 'single'),
}

/** @type {Record<string, string[]>} */
const ofPeers = {
  bun: ['bun', `${peersFolder}bun-listen.ts`],
  'bun node:http': ['bun', `${peersFolder}node-http.mjs`],
  'bun node:http fastify': ['bun', `${facesFolder}fastify.mjs`, 'node:http'],
  'bun node:http transfer': ['bun', `${facesFolder}transfer.mjs`, 'node:http'],
  'bun node:net pipe': ['bun', `${facesFolder}echo.mjs`, 'node:net'],
  'bun serve': ['bun', `${peersFolder}bun-serve.ts`],
  'bun udp': ['bun', `${peersFolder}bun-udp.ts`],
  'bun udp sink': ['bun', `${peersFolder}bun-udp.ts`, 'sink'],
  deno: ['deno', 'run', '--allow-net', `${peersFolder}deno-listen.ts`],
  'deno serve': ['deno', 'run', '--allow-net', `${peersFolder}deno-serve.ts`],
}
/** Libraries that a program of ours puts on node:http. @type {Record<string, string[]>} */
const libraries = {
  sirv: [`${peersFolder}static.mjs`, 'sirv', site],
  'serve-handler': [`${peersFolder}static.mjs`, 'serve-handler', site],
}
/** Of which peer a contestant is, or undefined. */
export const peerOf = (/** @type {string} */ name) => (libraries[name] ? name : ofPeers[name]?.[0])

/** Which entry of the library a contestant of ours needs, and what runs it. */
function ourProgram(/** @type {string[]} */ [subject, ...words]) {
  if (subject === 'pipe') return { entry: 'fivefold/net', program: ['../faces/echo.mjs', 'fivefold/net'] }
  if (subject === 'fastify' || subject === 'transfer') {
    return { entry: 'fivefold/http', program: [`../faces/${subject}.mjs`, 'fivefold/http'] }
  }
  if (subject === 'http') return { entry: 'fivefold/http', program: ['http.mjs', words[0] ?? 'auto'] }
  if (subject === 'serve') {
    return {
      entry: 'fivefold/http',
      program: [labCommand, 'serve', site, '--port', '0', '--json', '--model', words[0] ?? 'auto'],
    }
  }
  if (subject === 'copy-tree') return { entry: 'fivefold/fs', program: [`${examplesFolder}copy-tree.mjs`] }
  if (subject === 'fs' && ['readFile', 'streamRead', 'streamWrite'].includes(words[0])) {
    return { entry: 'fivefold/fs', program: ['../faces/files.mjs', 'fivefold/fs', words[0]] }
  }
  if (subject === 'fs') return { entry: 'fivefold/fs', program: ['fs.mjs', words[0] ?? 'promises'] }
  if (subject === 'dgram') {
    const model = words.find((word) => word !== 'sink' && word !== 'each') ?? 'auto'
    const each = words.includes('each') ? ['each'] : []
    return {
      entry: 'fivefold/dgram',
      program: ['dgram.mjs', model, words.includes('sink') ? 'sink' : 'echo', ...each],
    }
  }
  const host = words.includes('dedicated') ? 'dedicated' : 'embedded'
  if (words.includes('files')) return { entry: 'fivefold', program: ['files.mjs', subject] }
  if (words.includes('udp')) {
    return {
      entry: 'fivefold',
      program: ['udp.mjs', subject, host, words.includes('sink') ? 'sink' : 'echo'],
    }
  }
  return { entry: 'fivefold', program: ['echo.mjs', subject, ...words] }
}

/**
 * Names: `C epoll` is bench/c/epoll.c (words after it are its arguments), `ours epoll` is the library with
 * that model in Node's loop, `ours epoll dedicated` with the thread to itself, `ours epoll busy` never asleep; `udp`, `dgram`, `files`, `http`, `fastify`, `transfer`, `pipe` and `fs` say what
 * else than TCP. A sink is told of `each` datagram by itself where floods are not coalesced.
 * @param {string} name
 * @param {Available} available
 * @returns {Contestant}
 */
export function contestant(name, { missing, peers, ours, tools }) {
  if (fixed[name]) return fixed[name]
  if (name === 'sockperf' || name === 'fio') {
    return tools[name] ? { command: [name], witness: name } : { skip: `${name} is not installed` }
  }
  if (name === 'nginx') {
    return tools.nginx
      ? { command: ['bash', `${peersFolder}nginx.sh`, site] }
      : { skip: 'nginx is not installed' }
  }
  if (libraries[name]) {
    const found = peers.get(name)
    return found?.path ? node(...libraries[name]) : { skip: found?.reason ?? `${name} is not installed` }
  }
  const [family, program, ...parameters] = name.split(' ')
  if (family === 'C') {
    const reason = missing.get(program)
    return reason ? { skip: reason } : { command: [bin + program, '0', ...parameters] }
  }
  if (family === 'ours') {
    const { entry, program: whole } = ourProgram([program, ...parameters])
    const reason = ours[entry]
    return reason ? { skip: reason } : node(resolvePath(oursFolder, whole[0]), ...whole.slice(1))
  }
  const [peer, ...words] = ofPeers[name] ?? []
  const found = peer ? peers.get(peer) : undefined
  if (!found?.path) return { skip: found?.reason ?? `nobody is called ${name}` }
  return { command: [found.path, ...words] }
}

/**
 * Why each entry of the library cannot take part, or null.
 * @returns {Promise<Record<string, string | null>>}
 */
export async function whyNotOurs() {
  const entries = ['fivefold', 'fivefold/net', 'fivefold/http', 'fivefold/dgram', 'fivefold/fs']
  return Object.fromEntries(await Promise.all(entries.map(async (entry) => [entry, await whyNot(entry)])))
}

async function whyNot(/** @type {string} */ entry) {
  try {
    await import(entry)
    return null
  } catch (error) {
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (error)
    if (code === 'ERR_PACKAGE_PATH_NOT_EXPORTED') return `the library has no ${entry} yet`
    if (code === 'ERR_MODULE_NOT_FOUND') return 'the library is not built'
    return `the library cannot be loaded: ${message.split('\n')[0]}`
  }
}
