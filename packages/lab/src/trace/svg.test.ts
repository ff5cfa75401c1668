/** The drawing, from a trace that was made by hand: all that is in it is drawn, and nothing covers anything. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { languages } from '../text/language.js'
import type { CallEvent } from './event.js'
import { call as callOf, mark } from './events.test.util.js'
import { resultOf } from './explain.js'
import { pixels } from './svg/markup.js'
import { elementsOf, shownOf } from './svg/testing.js'
import { drawTimeline } from './svg.js'
import type { Trace } from './trace.js'

const awkward = ['7', 'a < b && "c"', 'MSG_TRUNC|MSG_DONTWAIT|MSG_NOSIGNAL|MSG_PEEK|MSG_WAITALL|0x80000000']
const call = (name: string, began: number, ended: number, more: Partial<CallEvent> = {}) =>
  callOf(name, began, ended, { arguments: awkward, ...more })

const trace: Trace = {
  model: 'epoll',
  family: 'multiplexing',
  synchronous: true,
  protocol: 'udp',
  borrowed: false,
  bytes: 64,
  repeats: 3,
  fd: 7,
  events: [
    mark('handler', -900, null, 'SIGIO'),
    mark('asked', 0),
    call('setsockopt', 1, 2),
    call('epoll_wait', 20, 40_000, { returned: 1500, count: 7, result: 0 }),
    call('recv', 40_010, 40_300, { result: -1, error: 'EAGAIN', returned: 40_011, count: 1000 }),
    call('epoll_wait', 40_400, 60_100, { out: '7: EPOLLIN|EPOLLERR|EPOLLHUP|EPOLLRDHUP' }),
    mark('sent', 60_000, 64),
    mark('signal', 60_105, null, 'SIGIO'),
    call('recv', 60_110, 60_115, { result: 64, thread: 1, kernel: { entered: 60_111, left: 60_114 } }),
    mark('data', 60_120, 64),
  ],
  phase1: { from: 0, to: 60_110 },
  phase2: { from: 60_110, to: 60_115 },
  delivered: 60_120,
  calls: 1010,
  again: 1000,
  stamps: { called: 0, ready: 60_109, copied: 60_116, delivered: 60_119 },
  kernel: {
    usable: true,
    missing: ['sock:sk_data_ready'],
    lost: 12,
    events: [
      { kind: 'data-ready', at: 60_002, actor: 'sender', value: null, text: null },
      { kind: 'signal-generated', at: 60_003, actor: 0, value: 29, text: null },
      {
        kind: 'call',
        actor: 'helper',
        name: 'pread64',
        first: 7,
        entered: 60_004,
        left: 60_050,
        result: -29,
        count: 1,
      },
    ],
  },
  states: [
    { thread: 0, state: 'running', from: 0, to: 20 },
    { thread: 0, state: 'asleep', from: 20, to: 40_000 },
    { thread: 0, state: 'polling', from: 40_000, to: 40_400 },
    { thread: 0, state: 'asleep', from: 40_400, to: 60_050 },
    { thread: 0, state: 'runnable', from: 60_050, to: 60_100 },
    { thread: 0, state: 'running', from: 60_100, to: 60_120 },
    { thread: 1, state: 'running', from: 60_000, to: 60_120 },
  ],
  agreement: {
    boundaries: [
      {
        boundary: 'copy-ends',
        medianMicros: -30,
        medianDistanceMicros: 30,
        worstDistanceMicros: 40,
        repeats: 3,
        cause: 'way-back',
      },
    ],
    worstMedianMicros: 30,
    agree: false,
  },
}

for (const language of ['en', 'zh'] as const) {
  const text = languages[language]
  const svg = drawTimeline(trace, { text })

  test(`${language}: every call is there, with its arguments and its result`, () => {
    const shown = shownOf(svg)
    for (const event of trace.events) {
      if (event.kind !== 'call') continue
      const called = `${event.name}(${event.arguments.join(', ')})`
      assert(
        shown.some((words) => words.endsWith(called)),
        called,
      )
      assert(
        shown.some((words) => words.startsWith(`= ${resultOf(event)}`)),
        resultOf(event),
      )
    }
    for (const words of [
      text.trace.phase1,
      text.trace.phase2,
      text.trace.marks.asked,
      text.witness.tells.dataReady,
      text.witness.tells.generated('SIGIO'),
      text.witness.tells.helper('pread64', 'ESPIPE'),
      text.witness.states.polling,
      '60,114',
    ])
      assert(
        shown.some((one) => one.includes(words)),
        words,
      )
  })

  test(`${language}: no text covers another, or leaves the drawing`, () => {
    const elements = elementsOf(svg)
    const [, , width, height] = elements[0]!.attributes.viewBox!.split(' ').map(Number)
    const boxes = elements
      .filter(({ name, text: words }) => name === 'text' && words !== '⋮')
      .map(({ attributes, text: words }) => {
        const kind = attributes.class!.split(' ')[0]
        const long = pixels(words, kind === 'code' || kind === 'number' ? kind : 'prose')
        const x = Number(attributes.x)
        const left =
          attributes['text-anchor'] === 'end'
            ? x - long
            : attributes['text-anchor'] === 'middle'
              ? x - long / 2
              : x
        return {
          words,
          left,
          right: left + long,
          y: Number(attributes.y),
          title: attributes.class!.includes('title'),
        }
      })
    for (const [index, one] of boxes.entries()) {
      if (one.title) continue
      assert(one.left >= 0 && one.right <= width! && one.y <= height!, one.words)
      for (const other of boxes.slice(index + 1)) {
        const apart = Math.abs(one.y - other.y) >= 11 || one.right <= other.left || other.right <= one.left
        assert(apart || other.title, `'${one.words}' and '${other.words}'`)
      }
    }
  })
}

test('the same trace gives the same picture, and JSON loses nothing of it', () => {
  const text = languages.en
  const again = drawTimeline(JSON.parse(JSON.stringify(trace)) as Trace, { text })
  assert.equal(again, drawTimeline(trace, { text }))
})

test('the threads, what each does, and the breaks of the axis', () => {
  const boxes = elementsOf(drawTimeline(trace, { text: languages.en })).filter(({ name }) => name === 'rect')
  const bars = boxes.filter(({ attributes }) => attributes.width === '13')
  for (const state of ['running', 'polling', 'asleep', 'runnable'])
    assert(
      bars.some(({ attributes }) => attributes.class === state),
      state,
    )
  assert(new Set(bars.map(({ attributes }) => attributes.x)).size > 2, 'two lines of life, beside the legend')
  const gaps = elementsOf(drawTimeline(trace, { text: languages.en })).filter(
    ({ attributes }) => attributes.class === 'gap',
  )
  // Three waits of more than a millisecond, through two threads and the kernel.
  assert.equal(gaps.length, 3 * 3)
})

test('without the kernel it says why, and without its own colours it has none', () => {
  const alone: Trace = {
    ...trace,
    kernel: { usable: false, reason: 'no-right', detail: 'EACCES' },
    agreement: null,
  }
  const svg = drawTimeline(alone, { text: languages.en, embedStyle: false })
  assert(shownOf(svg).some((words) => words.includes('only the superuser')))
  assert(!shownOf(svg).includes(languages.en.witness.theirs))
  assert(!svg.includes('<style'))
  assert.match(drawTimeline(alone, { text: languages.en }), /prefers-color-scheme:dark/)
})

test('what XML cannot hold is not in it', () => {
  const odd: Trace = {
    ...trace,
    events: [mark('asked', 0), call('re\u0000cv<\u001f>', 1, 2), mark('data', 3, 1)],
  }
  const shown = shownOf(drawTimeline(odd, { text: languages.en }))
  assert(shown.some((words) => words.startsWith('re\ufffdcv<\ufffd>(')))
})
