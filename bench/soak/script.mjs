// What happens on one connection, drawn by lot from its seed: both ends know it, and check the other by it.
import { Pattern } from '../../packages/fivefold/dist/conformance/pattern.js'
import { Random } from '../../packages/fivefold/dist/conformance/random.js'

export { Pattern, Random }

const MAGIC = 0x50414b53
export const HEADER = 24
const LARGEST = 256 * 1024

/** How a connection ends. In `half` the client ends first, in `early` the server, and the client goes on sending. */
export const ENDS = /** @type {const} */ (['half', 'early', 'reset', 'serverReset', 'terminate'])
const weights = [10, 4, 3, 3, 2]

/** @typedef {{ seed: number, end: typeof ENDS[number], at: number, total: number, sizes: number[], pingPong: boolean, slow: boolean }} Script */

/** 1 B to 256 KiB, each order of magnitude as often as the other. */
function size(/** @type {Random} */ random) {
  return Math.min(LARGEST, Math.floor(2 ** ((random.next() / 0x1_0000_0000) * 18.001)))
}

/** @returns {Script} */
export function draw(/** @type {number} */ seed) {
  const random = new Random(seed)
  const sizes = [size(random)]
  while (sizes.length < 100 && random.chance(0.9)) sizes.push(size(random))
  const total = sizes.reduce((sum, each) => sum + each, 0)
  let lot = random.next() % weights.reduce((sum, each) => sum + each, 0)
  let which = 0
  while (lot >= weights[which]) lot -= weights[which++]
  return {
    seed,
    end: ENDS[which],
    at: random.between(0, total),
    total,
    sizes,
    pingPong: random.chance(0.5),
    slow: random.chance(0.2),
  }
}

/** The first bytes of a connection, that tell the server the seed. */
export function header(/** @type {Script} */ script) {
  const bytes = Buffer.alloc(HEADER)
  ;[MAGIC, script.seed, ENDS.indexOf(script.end), script.at, script.total, script.slow ? 1 : 0].forEach(
    (word, index) => {
      bytes.writeUInt32LE(word, index * 4)
    },
  )
  return bytes
}

/** @returns what the server must know */
export function read(/** @type {Buffer} */ bytes) {
  const [magic, seed, end, at, total, slow] = Array.from({ length: 6 }, (_, index) =>
    bytes.readUInt32LE(index * 4),
  )
  if (magic !== MAGIC || ENDS[end] === undefined) throw new Error(`no header: ${bytes.toString('hex')}`)
  return { seed, end: ENDS[end], at, total, slow: slow === 1 }
}

/** What may become of a socket whose other end was cut off. */
export const cutOff = (/** @type {NodeJS.ErrnoException | undefined} */ error) =>
  error === undefined || error.code === 'ECONNRESET' || error.code === 'EPIPE'
