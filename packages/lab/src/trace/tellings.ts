/** What only the kernel tells, in words: beside the calls, in both drawings. */
import type { Text } from '../text/language.js'
import { signalName } from './describe.js'
import { startOf } from './event.js'
import type { KernelMark } from './kernel/event.js'
import { kernelResult } from './kernel/result.js'
import type { Trace } from './trace.js'

export interface Telling {
  /** Microseconds. */
  readonly at: number
  readonly says: string
}

export function tellings(trace: Trace, text: Text): Telling[] {
  if (!trace.kernel.usable) return []
  return trace.kernel.events.flatMap((event) => {
    if (event.kind !== 'call') {
      const says = told(event, trace, text)
      return says === null ? [] : [{ at: event.at, says }]
    }
    if (event.actor !== 'helper') return []
    const result = event.result === null ? '…' : kernelResult(event.result)
    return [{ at: event.left ?? event.entered, says: text.witness.tells.helper(event.name, result) }]
  })
}

function told({ kind, actor, value, text: what, at }: KernelMark, trace: Trace, text: Text): string | null {
  const says = text.witness.tells
  const sent = trace.events.find((event) => event.kind === 'mark' && event.mark === 'sent')
  switch (kind) {
    case 'data-ready':
      return says.dataReady
    case 'woken':
      // Before that, timers woke it: the calls' time-outs tell it already.
      if (typeof actor !== 'number' || sent === undefined || at < startOf(sent)) return null
      return actor === 0 ? says.wokenApplication : says.wokenThread(actor)
    case 'signal-generated':
      return says.generated(signalName(value ?? 0))
    case 'signal-delivered':
      return says.delivered(signalName(value ?? 0))
    case 'ring-submit':
      return says.ringSubmit(what ?? '')
    case 'ring-armed':
      return says.ringArmed(what ?? '')
    case 'ring-task':
      return says.ringTask(what ?? '')
    case 'ring-worker':
      return says.ringWorker(what ?? '')
    case 'ring-complete':
      return says.ringComplete(value ?? 0)
    case 'disk-asked':
      return says.diskAsked
    case 'disk-done':
      return says.diskDone
    default:
      return null
  }
}
