import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const source = fileURLToPath(new URL('../src/', import.meta.url))

/** From the ground up: a room may import from itself and from those before it. */
const rooms = [
  'sys',
  'models',
  'loop',
  'stream',
  'datagram',
  'file',
  'fs',
  'watch',
  'unix',
  'net',
  'dgram',
  'http',
  'https',
  'register.ts',
  'index.ts',
  'conformance',
]

const files = readdirSync(source, { recursive: true })
  .map(String)
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))

/** Local modules a file imports, for values or types, relative to the source folder. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(source, file), 'utf8')
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'|new URL\('(\.[^']+\.js)'/g)].map((match) =>
    relative(source, join(source, dirname(file), (match[1] ?? match[2])!)).replace(/\.js$/, '.ts'),
  )
}

function roomOf(file: string): number {
  const room = rooms.indexOf(file.includes('/') ? file.slice(0, file.indexOf('/')) : file)
  assert.notEqual(room, -1, `${file} is in no known room`)
  return room
}

test('imports point downwards only', () => {
  const upward: string[] = []
  for (const file of files) {
    for (const imported of importsOf(file)) {
      if (roomOf(imported) > roomOf(file)) upward.push(`${file} imports ${imported}`)
    }
  }
  assert.deepEqual(upward, [])
  assert.ok(
    files.some((file) => importsOf(file).length > 3),
    'the test reads imports',
  )
})

test('koffi has one door', () => {
  const doors = files.filter((file) => /['"]koffi['"]/.test(readFileSync(join(source, file), 'utf8')))
  assert.deepEqual(doors, ['sys/ffi.ts'])
})

test('nothing outside models/ branches on a model’s name', () => {
  const names =
    /(?:===|!==|case)\s*'(?:blocking|non-blocking|select|poll|epoll|sigio|rtsig|posix-aio|io_uring)'/
  const branching = files.filter(
    (file) =>
      !/^(models|sys|conformance)\//.test(file) && names.test(readFileSync(join(source, file), 'utf8')),
  )
  assert.deepEqual(branching, [])
})

test('a poller is about 120 lines, and all have the same functions in the same order', () => {
  const pollers = [
    'models/non-blocking.ts',
    'models/multiplexing/select.ts',
    'models/multiplexing/poll.ts',
    'models/multiplexing/epoll.ts',
    'models/signal-driven/sigio.ts',
    'models/signal-driven/rtsig.ts',
  ]
  for (const file of pollers) {
    const text = readFileSync(join(source, file), 'utf8')
    const code = text.split('\n').filter((line) => line.trim() !== '' && !/^\s*(\*|\/\*|\/\/)/.test(line))
    assert.ok(code.length <= 125, `${file} has ${code.length} lines of code`)
    const order = ['constructor', 'set', 'wait', 'close'].map((name) =>
      text.search(new RegExp(`^  ${name}\\(`, 'm')),
    )
    assert.ok(
      order.every((place, index) => place > (order[index - 1] ?? 0)),
      `${file}: constructor, set, wait, close`,
    )
  }
})

test('the contract fits on a screen', () => {
  const text = readFileSync(join(source, 'models/model.ts'), 'utf8')
  for (const name of ['Driver', 'Poller', 'Model']) {
    const body = text.slice(text.indexOf(`export interface ${name} {`))
    const members = body
      .slice(0, body.indexOf('\n}'))
      .split('\n')
      .filter((line) => /^ {2}\w/.test(line))
    assert.ok(members.length <= 8, `${name} has ${members.length} members`)
  }
})
