/** Each model makes the calls that its name promises, in the order that the textbook tells. Times decide nothing. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { type ModelName, models } from 'fivefold'
import { type Running, run, start } from '../testing.js'
import type { CallEvent, Event } from '../trace/event.js'
import { tracefs } from '../trace/kernel/tracefs.js'
import { callWitness } from '../trace/kernel/witness.js'
import { shownOf } from '../trace/svg/testing.js'
import type { Trace, TraceProtocol } from '../trace/trace.js'

type Output = Trace
type Protocol = TraceProtocol

/** Whether the kernel's tracepoints can be read here. */
const witnessed = (() => {
  const called = callWitness()
  if ('witness' in called) called.witness.close()
  return 'witness' in called
})()

const folder = mkdtempSync(join(tmpdir(), 'fivefold-test-'))
after(() => rmSync(folder, { recursive: true }))

async function traced(model: ModelName, protocol: Protocol): Promise<Output> {
  const svg = join(folder, `${model}-${protocol}.svg`)
  const { status, out, err, left } = await run([
    ...['trace', model, '--protocol', protocol, '--json'],
    ...['--svg', svg],
  ])
  assert.equal(status, 0, err)
  assert.deepEqual(left, [])
  const trace = JSON.parse(out) as Output
  drawn(trace, readFileSync(svg, 'utf8'))
  return trace
}

/** Everything that the JSON calls a call is in the picture. */
function drawn(trace: Output, svg: string): void {
  const shown = shownOf(svg)
  for (const event of trace.events) {
    if (event.kind !== 'call') continue
    const called = `${event.name}(${event.arguments.join(', ')})`
    assert(
      shown.some((words) => words.endsWith(called)),
      called,
    )
  }
}

const calls = (trace: Output, name: RegExp): CallEvent[] =>
  trace.events.filter((event) => event.kind === 'call').filter((event) => name.test(event.name))

/** The events' order, as names, from the sending on. */
function since(trace: Output, mark: string): string[] {
  const names = trace.events.map((event: Event) => (event.kind === 'call' ? event.name : event.mark))
  return names.slice(names.indexOf(mark))
}

const receives = /^(recv|recvfrom|recvmsg|read)$/

/** What waits in phase 1, and whether phase 2 is a call of its own, for each. */
const promises: Record<ModelName, (trace: Output) => void> = {
  blocking(trace) {
    const [received] = ofSocket(trace)
    assert(received, 'a thread calls recv')
    assert(received.thread > 0)
    // It was in the call before the message came, and left it afterwards.
    const sent = sentAt(trace)
    assert(received.began < sent && received.ended > sent)
    assert.equal(received.error, null)
  },
  'non-blocking'(trace) {
    const asked = ofSocket(trace).filter(({ error }) => error === 'EAGAIN')
    const times = asked.reduce((sum, { count }) => sum + count, 0)
    assert(times > 100, `it asks again and again: ${times}`)
    assert.deepEqual(
      calls(trace, /^(select|poll|ppoll|epoll_wait|sigtimedwait|aio_suspend|io_uring_enter)$/),
      [],
    )
  },
  select: (trace) => waitsThenReceives(trace, /^select$/),
  poll: (trace) => waitsThenReceives(trace, /^poll$/),
  epoll(trace) {
    waitsThenReceives(trace, /^epoll_wait$/)
    assert(calls(trace, /^epoll_ctl$/).some(({ arguments: [, operation] }) => operation === 'EPOLL_CTL_ADD'))
  },
  sigio(trace) {
    assert(
      trace.events.some((event) => event.kind === 'mark' && event.mark === 'handler'),
      'a handler is installed',
    )
    assert(calls(trace, /^fcntl$/).some(({ arguments: all }) => all.join().includes('O_ASYNC')))
    const order = since(trace, 'sent')
    const signal = order.indexOf('signal')
    assert(signal > 0, 'the handler runs after the message was sent')
    assert(order.findIndex((name) => receives.test(name)) > signal, 'and recv comes after it')
  },
  rtsig(trace) {
    assert(calls(trace, /^fcntl$/).some(({ arguments: all }) => /F_SETSIG,SIGRTMIN/.test(all.join())))
    // A signal that came between two waits is read from the signalfd.
    waitsThenReceives(trace, /^(sigtimedwait|read)$/)
    const taken = calls(trace, /^sigtimedwait$/).find(({ result }) => result > 0)
    if (taken !== undefined) assert.match(taken.out!, new RegExp(`si_fd ${trace.fd}$`))
  },
  'posix-aio'(trace) {
    const asked = calls(trace, /^aio_read$/).find(({ arguments: [block] }) =>
      block!.startsWith(`{${trace.fd},`),
    )
    const answered = calls(trace, /^aio_return$/).find(({ result }) => result === trace.bytes)
    assert(asked && answered)
    assert(asked.began < sentAt(trace) && answered.began > sentAt(trace))
    assert.deepEqual(ofSocket(trace), [], 'the application itself receives nothing')
  },
  io_uring(trace) {
    assert.deepEqual(calls(trace, receives), [], 'no call receives anything')
    assert(calls(trace, /^io_uring_enter$/).length > 0)
    const asked = trace.events.find((event) => event.kind === 'mark' && event.mark === 'submission')
    assert(asked?.kind === 'mark' && /^RECV/.test(asked.text!))
    const order = since(trace, 'sent')
    assert(order.indexOf('completion') > 0 && order.indexOf('completion') < order.indexOf('data'))
  },
}

function ofSocket(trace: Output): CallEvent[] {
  return calls(trace, receives).filter(({ arguments: [fd] }) => fd === String(trace.fd))
}

function sentAt(trace: Output): number {
  const sent = trace.events.find((event) => event.kind === 'mark' && event.mark === 'sent')
  assert(sent?.kind === 'mark')
  return sent.at
}

function waitsThenReceives(trace: Output, wait: RegExp): void {
  const order = since(trace, 'sent')
  // The wait that the message ended began before it was sent, or found it there.
  const waited = calls(trace, wait).findLast(({ result }) => result > 0)
  assert(waited, `${wait} reports it`)
  const received = ofSocket(trace).findLast(({ result }) => result === trace.bytes)
  assert(received, 'recv brings it')
  assert(received.began >= waited.ended, 'after the wait')
  assert.equal(order.at(-1), 'data')
}

/** What holds of every trace. */
function sane(trace: Output, model: ModelName, protocol: Protocol): void {
  assert.deepEqual([trace.model, trace.protocol], [model, protocol])
  assert(
    trace.phase1.from === 0 && trace.phase1.to <= trace.phase2.from && trace.phase2.from <= trace.phase2.to,
  )
  assert(trace.phase2.to <= trace.delivered)
  assert(trace.phase1.to >= 9_000, 'the message was waited for')
  const marks = trace.events.filter((event) => event.kind === 'mark').map(({ mark }) => mark)
  assert.deepEqual(
    marks.filter((mark) => mark === 'asked' || mark === 'sent' || mark === 'data'),
    ['asked', 'sent', 'data'],
  )
  const { called, ready, copied, delivered } = trace.stamps
  assert.equal(called, 0)
  assert(ready > 0 && ready <= copied && copied <= delivered)
  second(trace)
}

/** What the kernel saw: the calls that we saw as well, in the same order and never outside of ours. */
function second(trace: Output): void {
  assert.equal(trace.kernel.usable, witnessed)
  if (!trace.kernel.usable) return
  const { events, missing } = trace.kernel
  if (!missing.includes('sock:sk_data_ready'))
    assert(events.filter(({ kind }) => kind === 'data-ready').length > 0, 'the data came')
  const seen = trace.events.filter((event) => event.kind === 'call' && event.kernel !== undefined)
  assert(seen.length > 0, 'calls')
  for (const event of seen) {
    if (event.kind !== 'call') continue
    const { entered, left } = event.kernel!
    assert(entered >= event.began - 2, 'no earlier')
    assert(left === null || left <= event.ended + 2, 'no later')
  }
  assert(trace.agreement !== null && trace.agreement.boundaries.length > 1)
  assert(trace.states.some(({ thread }) => thread === 0))
}

for (const model of models) {
  const verdict = model.probe()
  const skip = verdict.ok ? false : verdict.reason
  describe(`trace ${model.name}`, { skip }, () => {
    for (const protocol of ['tcp', 'udp', 'unix'] as const) {
      // A borrowed call promises nothing about the model that borrows it.
      if (protocol === 'udp' && model.limits.borrows.includes('recvfrom')) continue
      test(protocol, async () => {
        const trace = await traced(model.name, protocol)
        sane(trace, model.name, protocol)
        promises[model.name](trace)
      })
    }
  })
}

for (const model of models) {
  const verdict = model.probe()
  if (!verdict.ok) continue
  test(`trace ${model.name} --protocol file`, async () => {
    if (!model.limits.files) {
      const { status, err } = await run(['trace', model.name, '--protocol', 'file'])
      assert.equal(status, 2)
      assert.match(err, /cannot wait for a file: .* always ready/)
      return
    }
    const trace = await traced(model.name, 'file')
    assert.deepEqual([trace.protocol, trace.bytes], ['file', 4096])
    const marks = trace.events.filter((event) => event.kind === 'mark').map(({ mark }) => mark)
    assert(!marks.includes('sent') && marks.includes('data'))
    assert(trace.phase1.to <= trace.phase2.from && trace.phase2.to <= trace.delivered)
  })
}

const instancesOf = (pid: number | undefined): string[] =>
  readdirSync(join(tracefs(), 'instances')).filter((name) => name.startsWith(`fivefold-${pid}-`))

/** Until the kernel records for this process. */
async function recording({ process: { pid }, done }: Running): Promise<void> {
  let over = false
  void done.then(() => {
    over = true
  })
  while (instancesOf(pid).length === 0) {
    assert(!over, 'it ended')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe('the instance of tracefs is gone', { skip: !witnessed }, () => {
  // So many that it is at work when it is disturbed.
  const many = ['trace', 'epoll', '--repeat', '1000']

  test('after Ctrl-C', async () => {
    const running = start(many)
    await recording(running)
    running.process.kill('SIGINT')
    const { status, left } = await running.done
    assert.equal(status, 130)
    assert.deepEqual(left, [])
    assert.deepEqual(instancesOf(running.process.pid), [])
  })

  test('after the traced process was killed', async () => {
    const running = start(many)
    await recording(running)
    const { pid } = running.process
    await running.untilAlive(2)
    process.kill(running.alive().find((alive) => alive !== pid)!, 'SIGKILL')
    const { status, err } = await running.done
    assert.equal(status, 1)
    // Whatever was under way: a question that could not be sent tells nobody what happened.
    assert.match(err, /ended early \(SIGKILL\)/)
    assert.deepEqual(instancesOf(pid), [])
  })

  test('after the next start, when the command itself was killed', async () => {
    const running = start(many)
    await recording(running)
    running.process.kill('SIGKILL')
    await running.done
    const { status, err } = await run(['trace', 'epoll'])
    assert.equal(status, 0, err)
    assert.deepEqual(instancesOf(running.process.pid), [])
  })
})

test('trace --all: how far the two agree, of every mechanism', async () => {
  const able = models.filter((model) => model.probe().ok)
  const { status, out, err, left } = await run(['trace', '--all', '--repeat', '2', '--json'])
  assert.equal(status, 0, err)
  assert.deepEqual(left, [])
  const { traces } = JSON.parse(out) as { traces: Output[] }
  assert.deepEqual(
    traces.map(({ model }) => model),
    able.map(({ name }) => name),
  )
  for (const trace of traces) {
    assert.equal(trace.repeats, 2)
    assert.equal(trace.agreement !== null, witnessed)
    for (const { repeats } of trace.agreement?.boundaries ?? []) assert(repeats <= 2)
  }
})

test('what trace does not understand', async () => {
  for (const [wrong, says] of [
    [['trace', 'epoll', '--repeat', '0'], /'0' is not a number of repetitions/],
    [['trace', '--all', 'epoll'], /name none beside it/],
    [['trace', '--all', '--svg', 'x'], /leave --all away/],
  ] as const) {
    const { status, err } = await run(wrong)
    assert.equal(status, 2)
    assert.match(err, says)
  }
  // Before anything is measured: no other process is started for it. A folder is no file.
  const begun = join(folder, 'begun')
  const tell = `import { appendFileSync } from 'node:fs'; appendFileSync(${JSON.stringify(begun)}, 'x')`
  const env = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(tell)}` }
  for (const [svg, why] of [
    [join(folder, 'missing', 'x.svg'), 'ENOENT'],
    [folder, 'EISDIR'],
  ] as const) {
    rmSync(begun, { force: true })
    const { status, out, err } = await run(['trace', 'epoll', '--json', '--svg', svg], { env })
    assert.deepEqual([status, out], [1, ''])
    assert.match(err, new RegExp(`cannot be written: ${why}`))
    assert.equal(readFileSync(begun, 'utf8'), 'x')
  }
})

test('trace, as people read it: two columns, both phases, in a hundred columns', async () => {
  const { status, out, err } = await run(['trace', 'epoll'])
  assert.equal(status, 0, err)
  for (const line of out.split('\n')) assert(line.length <= 100, line)
  assert.match(out, /^epoll · multiplexing, synchronous · UDP · one message of 64 bytes$/m)
  assert.match(out, /µs {2}application .* kernel/)
  assert.match(out, /asks for data .* phase 1$/m)
  assert.match(out, /recvfrom\(.*\) = 64 .*copies 64 bytes .*phase 2$/m)
})

test('trace of a model that borrows its call for datagrams says so', async () => {
  const aio = models.find(({ name }) => name === 'posix-aio')!
  if (!aio.probe().ok) return
  assert.match((await run(['trace', 'posix-aio', '--protocol', 'udp'])).out, /a borrowed poller waits/)
  assert.match((await run(['trace', 'posix-aio'])).out, /TCP/)
})
