/** What a call meant, in words: both drawings, in the terminal and as SVG, say the same. */
import type { Text } from '../text/language.js'
import { apart, TARGET_MICROS } from './agreement.js'
import { type CallEvent, startOf } from './event.js'
import type { Trace } from './trace.js'

/** A call that takes longer has slept: it is drawn with its beginning and its end apart. */
export const SLEPT_MICROS = 1000

/** Calls that say nothing about the model: they are in the JSON. */
export const aside =
  /^(socket|bind|connect|getsockname|getpeername|[gs]etsockopt|mmap|gettid|sched_\w+|pthread_sigmask|getrlimit|__libc_\w+)$/

export function resultOf({ result, error, out }: CallEvent): string {
  return error ?? (out === null ? String(result) : `${result} (${out})`)
}

const receiving = /^(recv|recvfrom|read|pread)$/
const waiting = /^(epoll_wait|select|poll|ppoll)$/

/** What the kernel does with a call that sleeps. */
export function entered({ name, arguments: parameters }: CallEvent, fd: number, text: Text): string {
  const says = text.trace.kernelDoes
  if (receiving.test(name)) return parameters[0] === String(fd) ? says.noDataSleeps : says.sleeps
  if (name === 'sigtimedwait') return says.noSignalSleeps
  if (name === 'ppoll') return says.sleepsForSignal
  if (waiting.test(name)) return says.nothingReadySleeps
  return says.sleeps
}

/** What it had done by the time the call returned. */
export function returned(event: CallEvent, fd: number, text: Text): string {
  const { name, result, error, arguments: parameters } = event
  const says = text.trace.kernelDoes
  const slept = event.returned - event.began > SLEPT_MICROS
  if (receiving.test(name)) {
    if (error === 'EAGAIN') return slept ? says.timeIsUp : says.noData
    if (parameters[0] !== String(fd)) return says.woken
    return result > 0 ? says.copies(text.bytes(result)) : ''
  }
  if (name === 'send' || name === 'write') return parameters[0] === String(fd) ? '' : says.wakes
  if (error === 'EINTR') return says.interrupted
  if (name === 'sigtimedwait') return error === 'EAGAIN' ? says.timeIsUp : says.takesSignal
  if (waiting.test(name)) return result === 0 ? says.timeIsUp : says.ready(result)
  if (name === 'aio_suspend') return error === 'EAGAIN' ? says.timeIsUp : says.completed
  if (error === 'ETIME') return says.timeIsUp
  if (name === 'epoll_ctl') return says.remembers
  if (name === 'fcntl' && parameters.some((parameter) => parameter.includes('O_ASYNC')))
    return says.willSignal
  if (name === 'aio_read') return says.aioQueued
  if (name === 'io_uring_enter') return result > 0 ? says.takes(result) : ''
  return ''
}

/** What is to be said below the drawing. */
export function factsOf(trace: Trace, text: Text): string[] {
  const says = text.trace.facts
  const { phase1, phase2, delivered, calls, again, events, model, synchronous, borrowed } = trace
  const sent = events.find((event) => event.kind === 'mark' && event.mark === 'sent')
  const facts = [
    says.phases(duration(phase1.to - phase1.from, text), duration(phase2.to - phase2.from, text)),
    sent === undefined
      ? text.witness.facts.fromAsking(duration(delivered, text))
      : says.delivered(duration(delivered - startOf(sent), text)),
    says.calls(calls, again),
  ]
  if (borrowed) facts.push(says.borrowed(model))
  else facts.push(synchronous ? says.synchronous : says.asynchronous)
  return facts
}

/** What is to be said of the two witnesses. */
export function witnessFacts({ kernel, agreement, protocol, phase2, phase1 }: Trace, text: Text): string[] {
  const says = text.witness.facts
  const facts: string[] = []
  if (agreement !== null) {
    const repeats = Math.max(...agreement.boundaries.map((boundary) => boundary.repeats))
    if (agreement.agree)
      facts.push(says.agree(agreement.worstMedianMicros.toFixed(1), TARGET_MICROS, repeats))
    for (const { boundary, medianDistanceMicros, cause } of apart(agreement)) {
      const where = text.witness.boundaries[boundary]
      const why = cause === null ? '' : text.witness.causes[cause]
      facts.push(says.disagree(where, medianDistanceMicros.toFixed(1), TARGET_MICROS, repeats, why))
    }
  }
  if (kernel.usable) {
    if (kernel.missing.length > 0) facts.push(says.missing(text.list(kernel.missing)))
    if (kernel.lost > 0) facts.push(says.lost(kernel.lost))
  } else facts.push(says.why(text.witness.reasons[kernel.reason]))
  if (protocol === 'file' && phase2.from === phase2.to && phase1.to > 0) facts.push(says.unseenBoundary)
  return facts
}

// ---- numbers

export function micros(at: number, text: Text): string {
  return text.count(Math.round(at))
}

export function duration(value: number, text: Text): string {
  return value >= 10_000 ? `${(value / 1000).toFixed(1)} ms` : `${text.count(Math.round(value))} µs`
}
