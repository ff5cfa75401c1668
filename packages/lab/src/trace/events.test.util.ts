/** Events as a recorder would have written them, for tests of what is made of them. */
import type { CallEvent, Event, Mark } from './event.js'

/** A call that returned one byte or entry. @param more what is different about it */
export function call(name: string, began: number, ended: number, more: Partial<CallEvent> = {}): CallEvent {
  return {
    kind: 'call',
    thread: 0,
    name,
    arguments: ['7'],
    began,
    returned: ended,
    ended,
    result: 1,
    error: null,
    out: null,
    count: 1,
    ...more,
  }
}

export function mark(what: Mark, at: number, value: number | null = null, text: string | null = null): Event {
  return { kind: 'mark', mark: what, at, thread: 0, value, text }
}
