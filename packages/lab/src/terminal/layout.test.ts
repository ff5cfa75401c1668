import assert from 'node:assert/strict'
import { test } from 'node:test'
import { table } from './table.js'
import { cut, pad, widthOf, wrap } from './width.js'

test('Chinese characters are two columns wide, colours none', () => {
  assert.equal(widthOf('epoll'), 5)
  assert.equal(widthOf('多路复用'), 8)
  assert.equal(widthOf('“阻塞”，1 次。'), 14)
  assert.equal(widthOf('\x1b[1m阻塞\x1b[22m'), 4)
  assert.equal(widthOf('⇄ → … ┐ µ'), 9)
  assert.equal(pad('阻塞', 6), '阻塞  ')
  assert.equal(pad('阻塞', 6, 'right'), '  阻塞')
  assert.equal(pad('too long', 3), 'too long')
})

test('what is cut says so and fits', () => {
  assert.equal(cut('recvfrom', 8), 'recvfrom')
  assert.equal(cut('recvfrom', 5), 'recv…')
  assert.equal(cut('多路复用', 5), '多路…')
})

test('lines break between words, and between Chinese characters, but not before punctuation', () => {
  assert.deepEqual(wrap('one two three', 7), ['one two', 'three'])
  assert.deepEqual(wrap('unbreakableword', 5), ['unbreakableword'])
  assert.deepEqual(wrap('一二三四五', 6), ['一二三', '四五'])
  // The comma would begin the second line: the character before it goes along.
  assert.deepEqual(wrap('一二三，四', 6), ['一二', '三，四'])
  assert.deepEqual(wrap('一二（三', 6), ['一二', '（三'])
  for (const line of wrap('用 epoll 与 io_uring 各收发一条消息，逐字节核对（64 字节）。', 20)) {
    assert(widthOf(line) <= 20, line)
  }
})

test('a table keeps its columns', () => {
  const text = table(
    [{ head: 'model' }, { head: 'messages\nper s', align: 'right' }, { head: 'remarks', fills: true }],
    [
      ['epoll', '5', 'a remark of many words that has to wrap'],
      ['阻塞', '1,000,000', ''],
    ],
    { width: 40 },
  )
  assert.deepEqual(text.split('\n'), [
    '        messages',
    'model      per s  remarks',
    '─────  ─────────  ──────────────────────',
    'epoll          5  a remark of many words',
    '                  that has to wrap',
    '阻塞   1,000,000',
  ])
})
