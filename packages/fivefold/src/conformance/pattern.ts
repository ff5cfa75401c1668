/**
 * Bytes that know their place: the same seed and position always give the same byte, so every byte that
 * arrives is checked for what it is and where it is, and a wrong one tells where it came from.
 */
import { AssertionError } from 'node:assert'
import { Random } from './random.js'

// One block of random bytes, of a prime length so that no power of two divides a mistake away; twice in a
// row, so that every stretch of up to BLOCK bytes is contiguous. A seed is where in it a stream begins.
const BLOCK = 1_048_573
const block = Buffer.allocUnsafeSlow(BLOCK * 2)
{
  const random = new Random(0x5eed)
  for (let at = 0; at < BLOCK - 3; at += 4) block.writeUInt32LE(random.next(), at)
  for (let at = BLOCK - (BLOCK % 4); at < BLOCK; at++) block[at] = random.next()
  block.copy(block, BLOCK, 0, BLOCK)
}

/** The stream of bytes that belongs to a seed, with a place in it. */
export class Pattern {
  readonly seed: number
  readonly #start: number
  /** How many bytes were made or checked. */
  position = 0

  constructor(seed: number) {
    this.seed = seed
    this.#start = Math.imul(seed, 0x9e3779b1) >>> 0
  }

  /** The bytes of a stretch, as a copy. */
  at(position: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafeSlow(length)
    for (let done = 0; done < length; ) {
      const from = (this.#start + position + done) % BLOCK
      const size = Math.min(length - done, BLOCK)
      block.copy(bytes, done, from, from + size)
      done += size
    }
    return bytes
  }

  /** The next `length` bytes, without moving on: a writer moves on by what was taken. */
  peek(length: number): Buffer {
    return this.at(this.position, length)
  }

  /** The next `length` bytes. */
  take(length: number): Buffer {
    const bytes = this.at(this.position, length)
    this.position += length
    return bytes
  }

  /** Checks that `bytes` come next. @throws AssertionError that says which byte, and what it looks like */
  check(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const from = (this.#start + this.position) % BLOCK
      const size = Math.min(bytes.length - done, BLOCK)
      const part = bytes.subarray(done, done + size)
      if (block.compare(part, 0, size, from, from + size) !== 0) {
        let wrong = 0
        while (part[wrong] === block[from + wrong]) wrong++
        this.#fail(part, wrong, from)
      }
      this.position += size
      done += size
    }
  }

  #fail(part: Uint8Array, wrong: number, from: number): never {
    const actual = Buffer.from(part.subarray(wrong, wrong + 16))
    let looks = ''
    if (actual.length >= 4) {
      const found = block.indexOf(actual)
      if (found >= 0) {
        const offset = (((found - from - wrong) % BLOCK) + BLOCK) % BLOCK
        const by = offset > BLOCK / 2 ? offset - BLOCK : offset
        looks = `; they are the bytes ${by} places on, or another stream's`
      } else if (actual.every((byte) => byte === 0)) looks = '; they are zeros'
      else if (actual.every((byte) => byte === actual[0])) looks = '; they are all the same'
    }
    throw new AssertionError({
      message:
        `stream ${this.seed}: byte ${this.position + wrong} is wrong: got ${actual.toString('hex')}, ` +
        `expected ${block.subarray(from + wrong, from + wrong + actual.length).toString('hex')}${looks}`,
      actual: actual.toString('hex'),
      expected: block.subarray(from + wrong, from + wrong + actual.length).toString('hex'),
      operator: 'Pattern.check',
    })
  }
}
