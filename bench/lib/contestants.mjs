// Who can take part, under which name, and the command that starts each.
import { bin, oursFolder, peersFolder } from './paths.mjs'

/**
 * @typedef {{ command: string[], skip?: undefined } | { skip: string, command?: undefined }} Contestant
 * @typedef {{
 *   missing: Map<string, string>,
 *   peers: Map<string, { path?: string, reason?: string }>,
 *   ours: string | null,
 * }} Tools `ours` is the reason why the library cannot be used, or null
 */

const node = (/** @type {string[]} */ ...parameters) => ({ command: [process.execPath, ...parameters] })

/** @type {Record<string, Contestant>} */
const fixed = {
  'bare node': node('-e', "console.log('listening 0')"),
  'node:net': node(`${peersFolder}node-net.mjs`),
  'node:net onread': node(`${peersFolder}node-net-onread.mjs`),
  'node:dgram': node(`${peersFolder}node-dgram.mjs`),
  'node:fs readSync': node(`${peersFolder}node-fs.mjs`, 'sync'),
  'node:fs read': node(`${peersFolder}node-fs.mjs`, 'callback'),
  'node:fs promises': node(`${peersFolder}node-fs.mjs`, 'promises'),
}

/**
 * Names: `C epoll` is bench/c/epoll.c (words after it are its arguments), `ours epoll` is the library with
 * that model in Node's loop, `ours epoll dedicated` with the thread to itself.
 * @param {string} name
 * @param {Tools} tools
 * @returns {Contestant}
 */
export function contestant(name, { missing, peers, ours }) {
  if (fixed[name]) return fixed[name]
  const [family, program, ...parameters] = name.split(' ')
  if (family === 'C') {
    const reason = missing.get(program)
    return reason ? { skip: reason } : { command: [bin + program, '0', ...parameters] }
  }
  if (family === 'ours') {
    return ours ? { skip: ours } : node(`${oursFolder}echo.mjs`, program, parameters[0] ?? 'embedded')
  }
  const peer = peers.get(family)
  if (!peer?.path) return { skip: peer?.reason ?? `nobody is called ${name}` }
  if (family === 'bun') return { command: [peer.path, `${peersFolder}bun-listen.ts`] }
  return { command: [peer.path, 'run', '--allow-net', `${peersFolder}deno-listen.ts`] }
}
