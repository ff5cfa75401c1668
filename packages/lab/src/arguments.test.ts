import assert from 'node:assert/strict'
import { test } from 'node:test'
import { counts, duration, modelList, modelName, parse, port, size } from './arguments.js'
import { Failure, USAGE } from './failure.js'
import { en } from './text/en.js'

function refused(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    assert(error instanceof Failure)
    assert.equal(error.exitCode, USAGE)
    assert(!error.message.includes('\n'))
    return error.message
  }
  assert.fail('it was accepted')
}

test('durations', () => {
  assert.equal(duration('500ms', en), 500)
  assert.equal(duration('2s', en), 2000)
  assert.equal(duration('1.5s', en), 1500)
  assert.equal(duration('1m', en), 60_000)
  for (const bad of ['', '2', 's', '-1s', '1h', '1e3ms', '0s', '10ms', '61m', '2 s', 'NaNs', '1.s']) {
    assert(refused(() => duration(bad, en)).includes(`'${bad}'`))
  }
})

test('sizes', () => {
  assert.equal(size('64', 65536, en), 64)
  assert.equal(size('64B', 65536, en), 64)
  assert.equal(size('4k', 65536, en), 4096)
  assert.equal(size('4KiB', 65536, en), 4096)
  assert.equal(size('1MiB', 1 << 24, en), 1 << 20)
  for (const bad of ['', '0', '-1', '1.5', '64kb', '65537', '1e3', '0x10', 'KiB', ' 1']) {
    refused(() => size(bad, 65536, en))
  }
})

test('connection counts', () => {
  assert.deepEqual(counts('1,64,1000', en), [1, 64, 1000])
  assert.deepEqual(counts('64,64', en), [64])
  for (const bad of ['', '0', '1,', ',1', '1;2', '1.5', '-1', '1000001', 'x']) refused(() => counts(bad, en))
})

test('ports', () => {
  assert.equal(port('0', en), 0)
  assert.equal(port('65535', en), 65535)
  for (const bad of ['', '-1', '65536', '80x', '1.0']) refused(() => port(bad, en))
})

test('models, in the order of the textbook', () => {
  assert.deepEqual(modelList('io_uring,epoll,epoll', en), ['epoll', 'io_uring'])
  assert.equal(modelName('sigio', en), 'sigio')
  assert.match(
    refused(() => modelList('epoll,kqueue', en)),
    /'kqueue'.*blocking, non-blocking, select, poll, epoll, sigio, rtsig, posix-aio, io_uring/,
  )
  refused(() => modelList('', en))
})

const options = { json: { type: 'boolean' }, size: { type: 'string', value: 'BYTES' } } as const

test('options and arguments', () => {
  const { values, positionals } = parse(options, ['one', '--size=5', '--json', '--lang', 'zh'], en, 1)
  assert.deepEqual(positionals, ['one'])
  assert.deepEqual(
    [...values],
    [
      ['size', '5'],
      ['json', true],
      ['lang', 'zh'],
    ],
  )
  assert.equal(parse(options, ['--size', '-5'], en, 0).values.get('size'), '-5')
  assert.match(
    refused(() => parse(options, ['--nothing'], en, 0)),
    /'--nothing'/,
  )
  assert.match(
    refused(() => parse(options, ['-x'], en, 0)),
    /'-x'/,
  )
  assert.match(
    refused(() => parse(options, ['--size'], en, 0)),
    /--size needs a value: --size BYTES/,
  )
  assert.match(
    refused(() => parse(options, ['--size', '--json'], en, 0)),
    /needs a value/,
  )
  assert.match(
    refused(() => parse(options, ['--json=yes'], en, 0)),
    /takes no value/,
  )
  assert.match(
    refused(() => parse(options, ['a', 'b'], en, 1)),
    /'b'/,
  )
})
