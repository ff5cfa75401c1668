import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ModelName, models } from 'fivefold'
import type { Bars } from '../claims/claim.js'
import { en } from '../text/en.js'
import { zh } from '../text/zh.js'
import { barChart, lineChart } from './charts.js'
import { call, fixture, traceOf } from './fixture.test.util.js'
import { embedded, html, Markup, prose } from './html.js'
import { layersFigure } from './layers-figure.js'
import { page } from './page.js'
import { durationText } from './parts.js'
import { phasesOf } from './phases.js'
import { resultsOf } from './results.js'

const model = (name: ModelName) => models.find((it) => it.name === name)!
const phases = (name: ModelName) => phasesOf(traceOf(model(name)))

test('a column of the figure is what the trace says, whoever the model is', () => {
  const summary = (name: ModelName) => {
    const { first, firstCall, second, secondCall, checks } = phases(name)
    return [first, firstCall, second, secondCall, checks]
  }
  assert.deepEqual(summary('blocking'), ['held', 'recvfrom', 'held', 'recvfrom', 0])
  assert.deepEqual(summary('non-blocking'), ['checking', 'recvfrom', 'held', 'recvfrom', 1234])
  assert.deepEqual(summary('epoll'), ['held', 'epoll_wait', 'held', 'recvfrom', 0])
  assert.deepEqual(summary('sigio'), ['free', 'ppoll', 'held', 'recvfrom', 0])
  assert.deepEqual(summary('io_uring'), ['free', 'io_uring_enter', 'free', null, 0])
  const { waitMicros, noticeMicros, copyMicros, handMicros } = phases('epoll')
  assert.deepEqual([waitMicros, noticeMicros, copyMicros, handMicros], [50_000, 200, 18, 40])
  assert.equal(phases('blocking').noticeMicros, 0)
  assert.equal(phases('blocking').copyMicros, 210)
  // The name decides nothing: the same calls under another name are the same column.
  assert.equal(phasesOf({ ...traceOf(model('epoll')), model: 'io_uring' }).first, 'held')
})

test('a ppoll of descriptors holds, one that only lets signals in does not', () => {
  const trace = traceOf(model('sigio'))
  const events = trace.events.map((event) =>
    event.kind === 'call' && event.name === 'ppoll'
      ? call('ppoll', { ...event, arguments: ['[{7, POLLIN}]', '1'] })
      : event,
  )
  assert.equal(phasesOf({ ...trace, events }).first, 'held')
})

test('markup escapes what is put in, and JSON cannot leave its script', () => {
  const said = html`<p>${'<b> & "c"'}${null}${[html`<i/>`, 3]}</p>`.text
  assert.equal(said, '<p>&lt;b&gt; &amp; &quot;c&quot;<i/>3</p>')
  assert.equal(html`${new Markup('<b>')}`.text, '<b>')
  assert.equal(prose('`a <b>` & c').text, '<code>a &lt;b&gt;</code> &amp; c')
  const text = embedded({ a: '</script><!--' }).text
  assert.doesNotMatch(text, /</)
  assert.deepEqual(JSON.parse(text), { a: '</script><!--' })
})

test('durations', () => {
  assert.deepEqual([0.5, 12.34, 999.9, 52_100, 1.5e6].map(durationText), [
    '0.5 µs',
    '12.3 µs',
    '1 ms',
    '52.1 ms',
    '1.5 s',
  ])
})

const valuesIn = (svg: string) => [...svg.matchAll(/data-value="([^"]+)"/g)].map(([, value]) => Number(value))

test('charts carry the numbers that they draw', () => {
  const bar = (label: string, ...values: number[]) => ({
    label,
    colour: 'red',
    parts: values.map((value, index) => ({ name: `part ${index}`, value })),
    text: 'said',
    spread: null,
  })
  const bars = barChart({
    title: 'Of "that"',
    bars: [bar('epoll', 1.5, 2.25), bar('poll')],
    format: String,
    legend: ['part 0', 'part 1'],
  }).text
  assert.deepEqual(valuesIn(bars), [1.5, 2.25])
  assert.match(bars, /aria-label="Of &quot;that&quot;"/)
  assert.match(bars, /data-of="epoll, part 1"/)
  const scale = { label: 'x', log: true, format: String }
  const points: [number, number][] = [
    [1, 7],
    [10, 8.5],
    [100, 0],
  ]
  const curves = [{ label: 'a', colour: 'red', extrapolated: false, points }]
  const lines = lineChart({ title: 'Lines', x: scale, y: scale, curves }).text
  // Every place that is marked says which it is.
  for (const place of ['1', '10', '7', '8'])
    assert.match(lines, new RegExp(`<text[^>]*>${place}</text>`), `the mark ${place}`)
  // What a logarithmic scale has no place for is not drawn; the table beside it has it.
  assert.deepEqual(valuesIn(lines), [7, 8.5])
})

test('results are read back as they were written, and what is no results is refused', () => {
  const results = fixture()
  assert.deepEqual(resultsOf(JSON.stringify(results)), results)
  assert.deepEqual(resultsOf(JSON.stringify(results.compare))?.compare, results.compare)
  assert.deepEqual(resultsOf(JSON.stringify(results.claims))?.claims, results.claims)
  for (const bad of ['', 'null', '{}', '[]', '{"environment":{}}', '{"environment":{"kernel":"6"}}'])
    assert.equal(resultsOf(bad), null, bad)
})

test('the page has every number of the results, loads nothing, and repeats no id', () => {
  const results = fixture()
  const text = page(results, 'en')
  const values = new Set(valuesIn(text))
  for (const { messagesPerSecond, latencyMicros, cpuMicrosPerMessage: cpu } of results.compare!.results) {
    if (messagesPerSecond === null) continue
    for (const value of [messagesPerSecond, latencyMicros!.p50, latencyMicros!.p99, cpu!.user, cpu!.system])
      assert(values.has(value), `${value} is not on the page`)
  }
  assert.doesNotMatch(text, /(?:src|href)="(?!#|data:)/)
  assert.doesNotMatch(text, /url\((?!#)/)
  const ids = [...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id!)
  assert.equal(new Set(ids).size, ids.length, 'an id is there twice')
  const known = new Set(ids)
  for (const [, id] of text.matchAll(/(?:href="#|aria-controls="|aria-labelledby="|url\(#)([^")]+)["')]/g))
    assert(known.has(id!), `nothing has the id ${id}`)
  assert.equal(text.split('<script').length, 3)
})

test('the page of results that lack everything says so', () => {
  const { environment, fivefold } = fixture()
  const text = page(
    { environment, fivefold, compare: null, traces: [], claims: null, leftOut: [], troubles: [] },
    'zh',
  )
  assert.equal(text.match(/class="missing"/g)?.length, 8)
  assert.match(text, /<html lang="zh-CN">/)
})

test('every field of every result is among all numbers', () => {
  const results = fixture()
  const text = page(results, 'en')
  const raw = text.slice(text.indexOf('id="en-raw"'), text.indexOf('data-language="zh"'))
  const shown = new Set(valuesIn(raw))
  const numbersOf = (value: unknown): number[] =>
    typeof value === 'number'
      ? [value]
      : value !== null && typeof value === 'object'
        ? Object.values(value).flatMap(numbersOf)
        : []
  const facts = results.claims!.results.flatMap(({ findings }) => findings.map((finding) => finding.facts))
  const wanted = numbersOf([results.compare!.results, facts, results.traces.map(({ phase2 }) => phase2)])
  assert(wanted.length > 500)
  for (const value of wanted) assert(shown.has(value), `${value} is not there`)
})

test('the layers are drawn as the textbook does, with every call of the run at the line', () => {
  for (const text of [en, zh]) {
    const figure: Bars = {
      kind: 'bars',
      label: 'callsMade',
      unit: 'count',
      bars: [
        { label: 'socket', value: 2 },
        { label: 'a <call>', value: 17 },
        { label: 'recv', value: 4 },
        { label: 'send', value: 3 },
      ],
    }
    const { text: drawn } = layersFigure(figure, 'a title', text)
    const marks = [...drawn.matchAll(/data-value="(\d+)" data-of="([^"]+)"/g)].map(([, value, of]) => [
      of,
      value,
    ])
    assert.deepEqual(marks, [
      ['socket', '2'],
      ['a &lt;call&gt;', '17'],
      ['recv', '4'],
      ['send', '3'],
    ])
    const { layers: says } = text.report
    for (const name of [...says.upper, ...says.lower, says.process, says.kernel])
      assert.ok(drawn.includes(name), name)
  }
})
