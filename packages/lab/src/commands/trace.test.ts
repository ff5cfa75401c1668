/** Each model makes the calls that its name promises, in the order that the textbook tells. Times decide nothing. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ModelName, models } from 'fivefold'
import { run } from '../testing.js'
import type { CallEvent, Event } from '../trace/event.js'
import type { Timeline } from '../trace/timeline.js'

type Protocol = 'tcp' | 'udp' | 'unix'

interface Output extends Timeline {
  readonly model: ModelName
  readonly protocol: Protocol
  readonly bytes: number
}

async function traced(model: ModelName, protocol: Protocol): Promise<Output> {
  const { status, out, err, left } = await run(['trace', model, '--protocol', protocol, '--json'])
  assert.equal(status, 0, err)
  assert.deepEqual(left, [])
  return JSON.parse(out) as Output
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
    assert(
      asked.some(({ count }) => count > 100),
      'it asks again and again',
    )
    assert.deepEqual(
      calls(trace, /^(select|poll|ppoll|epoll_wait|sigtimedwait|aio_suspend|io_uring_enter)$/),
      [],
    )
  },
  select: (trace) => waitsThenReceives(trace, 'select'),
  poll: (trace) => waitsThenReceives(trace, 'poll'),
  epoll(trace) {
    waitsThenReceives(trace, 'epoll_wait')
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
    waitsThenReceives(trace, 'sigtimedwait')
    const taken = calls(trace, /^sigtimedwait$/).find(({ result }) => result > 0)
    assert.match(taken!.out!, new RegExp(`si_fd ${trace.fd}$`))
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

function waitsThenReceives(trace: Output, wait: string): void {
  const order = since(trace, 'sent')
  // The wait that the message ended began before it was sent, or found it there.
  const waited = calls(trace, new RegExp(`^${wait}$`)).findLast(({ result }) => result > 0)
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
