/**
 * Writes that go past the stream's queue, within a turn: in their place among those that go through it, and held back
 * while the stream is corked.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import nodeNet from 'node:net'
import { test } from 'node:test'
import { Pattern } from '../conformance/pattern.js'
import { Random } from '../conformance/random.js'
import type { Socket } from './index.js'
import { models, type Pair, pair, skip } from './pair.test.util.js'

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Runs `work` in the turn in which something comes. */
function within({ ours, theirs }: Pair, work: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    ours.once('data', () => {
      try {
        work()
        resolve()
      } catch (error) {
        reject(error)
      }
    })
    theirs.write('.')
  })
}

/** So many bytes of what comes. */
async function receive(theirs: nodeNet.Socket, length: number): Promise<string> {
  let text = ''
  while (text.length < length) {
    const chunk: Buffer | null = theirs.read()
    if (chunk === null) await once(theirs, 'readable')
    else text += chunk.toString('latin1')
  }
  return text
}

for (const model of models) {
  const scene = (name: string, run: (both: Pair) => Promise<void>) =>
    test(`${model}: ${name}`, { skip: skip(model) }, async (t) => {
      await run(await pair(t, model, { allowHalfOpen: true }))
    })

  scene(
    'writes of every kind within turns, corked and not: in order, whole, each told once',
    async (both) => {
      const { ours, theirs } = both
      const random = new Random(11)
      const pattern = new Pattern(5)
      const check = new Pattern(5)
      const came = new Promise<void>((resolve, reject) => {
        theirs.on('data', (chunk) => {
          try {
            check.check(chunk)
          } catch (error) {
            reject(error)
          }
        })
        theirs.on('end', resolve)
      })
      const told: number[] = []
      let writes = 0
      const write = () => {
        const size = random.chance(0.2) ? random.between(0, 90_000) : random.between(0, 300)
        const bytes = pattern.take(size)
        const number = writes++
        const wrote = (error?: Error | null) => {
          assert.ok(!error)
          told.push(number)
        }
        const kind = random.between(0, 4)
        if (kind === 0) ours.write(bytes.toString('latin1'), 'latin1', wrote)
        else if (kind === 1) ours.write(bytes.toString('hex'), 'hex', wrote)
        else if (kind === 2) ours.write(new Uint8Array(bytes), wrote)
        else ours.write(bytes, wrote)
      }
      for (let round = 0; round < 80; round++) {
        await within(both, () => {
          for (let step = random.between(1, 12); step > 0; step--) {
            if (random.chance(0.25)) ours.cork()
            if (random.chance(0.25)) ours.uncork()
            write()
          }
        })
        // What was corked is uncorked at once, in the next turn, or with later writes before it outside any turn.
        if (random.chance(0.3)) await turn()
        if (random.chance(0.3)) write()
        while (ours.writableCorked > 0 && random.chance(0.9)) ours.uncork()
      }
      const finished = once(ours, 'finish')
      ours.end()
      await Promise.all([came, finished])
      assert.equal(check.position, pattern.position)
      assert.equal(ours.bytesWritten, pattern.position)
      // Node's streams tell those that waited behind another before that other.
      told.sort((one, other) => one - other)
      assert.deepEqual(
        told,
        Array.from({ length: writes }, (_, index) => index),
        'before `finish`, each once',
      )
    },
  )

  scene('what is written corked is held, whatever the turns, until it is uncorked', async (both) => {
    const { ours, theirs } = both
    await within(both, () => {
      ours.write('free ')
      ours.cork()
      ours.write('held ')
      assert.equal(ours.writableLength, 5, 'as with a queue')
    })
    assert.equal(await receive(theirs, 5), 'free ')
    await turn()
    assert.equal(ours.writableLength, 5, 'in the queue of the stream')
    await within(both, () => ours.write('as well'))
    await turn()
    assert.equal(ours.writableLength, 12)
    assert.equal(theirs.read(), null)
    ours.uncork()
    assert.equal(await receive(theirs, 12), 'held as well')
    assert.equal(ours.bytesWritten, 17)
  })

  scene('a corked stream says at its mark that it is full, and when it is not any more', async (both) => {
    const { ours, theirs } = both
    let written = 0
    await within(both, () => {
      ours.cork()
      do written += 100
      while (ours.write(Buffer.alloc(100, 'x')))
    })
    const mark = ours.writableHighWaterMark
    assert.ok(written >= mark && written < mark + 100, `${written} of ${mark}`)
    assert.equal(ours.writableLength, written)
    const drained = once(ours, 'drain')
    ours.uncork()
    await drained
    assert.equal((await receive(theirs, written)).length, written)
  })

  scene('what is corked when the socket is destroyed is not sent, and what was before is', async (both) => {
    const { ours, theirs } = both
    await within(both, () => {
      ours.write('sent')
      ours.cork()
      ours.write('not sent')
      ours.destroy()
    })
    const chunks: Buffer[] = []
    for await (const chunk of theirs) chunks.push(chunk as Buffer)
    assert.equal(String(Buffer.concat(chunks)), 'sent')
  })

  scene("an heir's own _write has every chunk, and a default encoding counts", async (both) => {
    const { ours, theirs } = both
    await within(both, () => {
      ours.setDefaultEncoding('hex')
      ours.write('6162')
      ours.setDefaultEncoding('utf8')
    })
    assert.equal(await receive(theirs, 2), 'ab')
    const seen: string[] = []
    const plain = ours._write
    ours._write = function (this: Socket, chunk: Uint8Array | string, ...rest: never[]) {
      seen.push(String(chunk))
      plain.call(this, chunk, ...(rest as unknown as [BufferEncoding, () => void]))
    } as never
    await within(both, () => ours.write('cd'))
    assert.equal(await receive(theirs, 2), 'cd')
    assert.deepEqual(seen, ['cd'])
  })

  scene("a write after the end, or of nothing known, fails as Node's does", async (both) => {
    const { ours } = both
    ours.on('error', () => {})
    const codes: (string | undefined)[] = []
    await within(both, () => {
      for (const wrong of [7, {}, undefined]) {
        assert.throws(() => ours.write(wrong as never), { code: 'ERR_INVALID_ARG_TYPE' })
      }
      assert.throws(() => ours.write('x', 'no encoding' as never), { code: 'ERR_UNKNOWN_ENCODING' })
      ours.end()
      ours.write('late', (error) => codes.push((error as NodeJS.ErrnoException | undefined)?.code))
    })
    await turn()
    assert.deepEqual(codes, ['ERR_STREAM_WRITE_AFTER_END'])
  })

  scene('in order, whichever way something gets into the queue of the corked stream', async (both) => {
    const { ours, theirs } = both
    await within(both, () => {
      ours.cork()
      ours.write('a')
      nodeNet.Socket.prototype.write.call(ours, 'b')
      ours.write('c')
      ours.write('64', 'hex')
    })
    await turn()
    ours.uncork()
    assert.equal(await receive(theirs, 4), 'abcd')
  })

  scene('what was uncorked is free, whatever is corked after it', async (both) => {
    const { ours, theirs } = both
    await within(both, () => {
      ours.cork()
      ours.write('one')
      ours.uncork()
      ours.cork()
      ours.write('two')
    })
    assert.equal(await receive(theirs, 3), 'one')
    await turn()
    assert.equal(ours.writableLength, 3)
  })

  scene('a write after an end that is sent and told fails within a turn', async (both) => {
    const { ours } = both
    let failed: NodeJS.ErrnoException | null = null
    ours.on('error', () => {})
    const finished = once(ours, 'finish')
    await within(both, () => ours.end('last'))
    await finished
    await within(both, () => {
      ours.write('late', (error) => {
        failed = error as NodeJS.ErrnoException
      })
    })
    await turn()
    assert.equal((failed as NodeJS.ErrnoException | null)?.code, 'ERR_STREAM_WRITE_AFTER_END')
  })
}
