/** The tracer's second witness, and its picture. */
const count = (value: number) => value.toLocaleString('en')

export const witness = {
  file: 'file',
  ours: 'stamps, µs',
  theirs: 'kernel, µs',
  passes: (time: string) => `${time} pass`,
  states: {
    running: 'running',
    polling: 'polling: asks again and again',
    asleep: 'asleep: the processor is free for others',
    runnable: 'waits for a processor',
  },
  boundaries: {
    'wait-begins': 'the waiting call is made',
    'data-arrives': 'the message is there',
    'wait-ends': 'the waiting call comes back',
    'copy-begins': 'the copying call is made',
    'copy-ends': 'the data are copied',
    'stamp-ready': "the library's stamp: ready",
    'stamp-copied': "the library's stamp: copied",
  },
  because: (where: string, why: string) => `Where ${where} and they lie further apart: ${why}.`,
  /** Why the two witnesses lie apart. */
  causes: {
    'way-back':
      'the call had slept, and the way from the kernel back into JavaScript is long while the processor has other things in its caches',
    handler: 'the handler of the signal ran before the call was back',
    'told-later': 'somebody else had copied, and the application was told afterwards',
    network: 'so long the message was on its way through the kernel',
    library: 'the library stamps an operation when it has looked up its report',
  },
  /** What only the kernel tells. */
  tells: {
    dataReady: 'the data are in the queue',
    wokenApplication: 'wakes the application',
    wokenThread: (thread: number) => `wakes thread ${thread}`,
    generated: (signal: string) => `raises ${signal}`,
    delivered: (signal: string) => `delivers ${signal}`,
    helper: (call: string, result: string) => `another thread: ${call} = ${result}`,
    ringSubmit: (operation: string) => `takes ${operation} from the ring`,
    ringArmed: (operation: string) => `${operation}: waits for data`,
    ringTask: (operation: string) => `${operation}: work for its thread`,
    ringWorker: (operation: string) => `${operation}: to a kernel thread`,
    ringComplete: (result: number) => `puts ${result} into the ring`,
    diskAsked: 'asks the device',
    diskDone: 'the device has delivered',
  },
  facts: {
    fromAsking: (time: string) => `From the question to the application's handler: ${time}.`,
    agree: (worst: string, target: number, repeats: number) =>
      `Our stamps and the kernel's tracepoints agree: ${worst} µs apart at most, as the median of ${count(repeats)} ${repeats === 1 ? 'message' : 'messages'} (wanted: ${count(target)} µs).`,
    disagree: (where: string, worst: string, target: number, repeats: number, why: string) =>
      `Where ${where}, our stamps and the kernel's tracepoints are ${worst} µs apart, as the median of ${count(repeats)} ${repeats === 1 ? 'message' : 'messages'} (wanted: ${count(target)} µs)${why === '' ? '' : `: ${why}`}.`,
    why: (reason: string) => `The kernel's own tracepoints are not shown: ${reason}.`,
    missing: (events: string) => `This kernel does not have the events ${events}.`,
    lost: (events: number) => `${count(events)} events of the kernel found no room: the earliest.`,
    unseenBoundary:
      'Both phases are inside one call, and nothing but the kernel can tell them apart: all of it counts as phase 1.',
  },
  reasons: {
    'not-mounted': 'tracefs is not mounted (mount -t tracefs nodev /sys/kernel/tracing)',
    'no-right': 'only the superuser may read them (run it as root)',
    'no-events': 'this kernel was built without the events of system calls',
    'other-numbers': 'they name no process of this trace: it runs in a PID namespace of its own',
  },
  noFiles: (model: string, able: string) =>
    `${model} cannot wait for a file: a regular file is always ready (select and poll say so at once, epoll refuses it with EPERM, and no signal is raised). Files are read by ${able}`,
  badRepeat: (value: string) => `'${value}' is not a number of repetitions from 1 to 1000`,
  allTakesNone: '--all traces every mechanism: name none beside it',
  svgOfOne: '--svg draws one mechanism: name it, and leave --all away',
  wrote: (path: string) => `drawn to ${path}`,
  table: {
    about: (repeats: number) =>
      `How far our stamps and the kernel's tracepoints are apart, in µs: the median of ${count(repeats)} ${repeats === 1 ? 'message' : 'messages'}, without its sign. The verdict is about the phases; the library's own stamps of an operation stand beside them.`,
    columns: {
      model: 'model',
      protocol: 'protocol',
      'wait-begins': 'wait\nbegins',
      'data-arrives': 'data\narrive',
      'wait-ends': 'wait\nends',
      'copy-begins': 'copy\nbegins',
      'copy-ends': 'copy\nends',
      'stamp-ready': 'stamp\nready',
      'stamp-copied': 'stamp\ncopied',
      verdict: 'within\n20 µs',
    },
  },
}
