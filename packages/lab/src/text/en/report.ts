/** What `fivefold report` and `fivefold diff` say, and all the words of the report's page, in English. */
export const reportCommandEn = {
  usage: 'report [OPTION…]',
  summary: 'one self-contained page of everything measured here',
  about:
    'Measures what compare, trace and claims measure and writes one HTML file that needs nothing else: the five models side by side, the timeline of each mechanism, the comparison, the claims with their evidence, the machine, and all numbers. The page is in English and in Chinese.',
  options: {
    output: 'the file to write: report.html (the default)',
    from: 'measure nothing: take the results that --json kept',
    quick: 'a short run: less of everything',
    within: 'begin no experiment later than this: 3m',
    claims: 'only these experiments, with commas; none: leave them out',
    json: 'keep the results in this file as well',
  },
}

export const diffCommandEn = {
  usage: 'diff A.json B.json [--json]',
  summary: 'two machines, kernels or versions side by side',
  about:
    'Compares two files of results, of `report --json` or of `compare --json`: what differs between the machines, every number of both with the factor between them, and the verdicts that changed. A difference that is smaller than what one run varied in itself is not called one.',
  options: { json: 'print JSON' },
}

export const reportEn = {
  errors: {
    noResults: (path: string) =>
      `${path} holds no results of fivefold: 'fivefold report --json FILE' makes them`,
    needsTwo: 'diff needs two files of results',
  },
  parts: {
    compare: 'All mechanisms under the same load',
    traces: 'One message through each mechanism',
    claims: 'The claims on trial',
  },
  written: (path: string) => `The report: ${path}`,

  language: 'Language',
  itself: 'English',
  contents: 'Contents',
  skip: 'To the contents',
  title: 'Five I/O models, measured',
  subtitle: (kernel: string, cpu: string) => `Linux ${kernel} · ${cpu}`,
  measured: (date: string) => `Measured ${date}`,
  numbers: 'The numbers',
  numbersOf: (what: string) => `The numbers of: ${what}`,
  scrolls: 'a wide figure: it scrolls sideways',
  missing: 'This was not measured.',
  troubles: 'What went wrong while measuring',

  layers: {
    osi: 'OSI model',
    suite: 'Internet suite',
    upper: ['application', 'presentation', 'session'],
    lower: ['transport', 'network', 'data link', 'physical'],
    application: 'application',
    device: 'driver, hardware',
    process: 'user process',
    kernel: 'kernel',
  },

  sections: {
    models: 'The five models',
    timelines: 'Timelines',
    compare: 'Under load',
    claims: 'Claims on trial',
    environment: 'The machine',
    raw: 'All numbers',
  },

  phases: {
    title: 'What each model does with one message: phase 1, the wait, and phase 2, the copy',
    about: (times: number) =>
      `One message, sent by another process while the application waited, as it was traced on this machine. Each bar begins where its phase begins; the line across is the moment at which the message was sent. The wait has a linear scale; what follows it is a thousand times shorter and has logarithmic ones.${
        times > 1 ? ` Of ${times} messages each, the one in the middle is drawn.` : ''
      }`,
    waits: 'the wait',
    waitsIn: 'waits in',
    sent: 'sent',
    copyBegins: 'copy begins',
    total: 'sent to handler',
    atOnce: 'at once',
    phase1: 'wait for data',
    phase2: 'copy to process',
    zones: { wait: 'the wait', notice: 'from the sending to the copy', copy: 'the copy' },
    kinds: {
      held: 'held: a call of the operation does not return',
      checking: 'checking: it asks again and again (EAGAIN)',
      free: 'free: it is told; it slept because it had nothing else to do',
      copying: 'held by the call that copies',
      copied: 'no call of the application copies: it hears of it when that is done',
    },
    reading: {
      held: (models: string) => `In phase 1 a call that did not return held the application with ${models}.`,
      checking: (model: string, times: string) =>
        `With ${model} it asked ${times} times in vain before the message was there.`,
      free: (models: string) =>
        `Nothing of the operation held the application in phase 1 with ${models}: it is told.`,
      notCopying: (models: string) =>
        `With ${models} no call of the application copied: it heard of it when that was done.`,
      copy: (least: string, model: string, most: string, other: string) =>
        `The copy took from ${least} (${model}) to ${most} (${other}).`,
    },
    columns: {
      model: 'model',
      mechanism: 'mechanism',
      protocol: 'protocol',
      wait: 'wait, µs',
      first: 'phase 1',
      call: 'in which call',
      notice: 'sent to copy, µs',
      copy: 'copy, µs',
      second: 'phase 2',
      copier: 'copied by',
      hand: 'copy to handler, µs',
    },
    holds: { held: 'held', checking: 'checking', free: 'free' },
    copies: { held: 'its own call', free: 'no call of its own' },
  },

  timelines: {
    about:
      'Each call that the application made for one message, with its arguments and its result: the application on the left, the kernel on the right, time downwards. Where the kernel let itself be asked, its own tracepoints stand beside our stamps.',
    choose: 'Mechanism',
    event: 'event',
    result: 'result',
    from: 'from, µs',
    to: 'to, µs',
    kernel: 'by the kernel, µs',
    agreement: 'How far our stamps and the kernel agree',
  },

  measures: {
    rate: 'messages per second',
    reads: 'reads per second',
    median: 'latency, median, µs',
    tail: 'latency, 99th percentile, µs',
    cpu: 'CPU per message, µs',
    cpuOfReads: 'CPU per read, µs',
    calls: 'system calls per message',
    callsOfReads: 'system calls per read',
    idle: 'CPU while it waits, % of a processor',
    threads: 'threads',
    memory: 'memory per connection, KiB',
    connections: 'connections',
    user: 'user',
    system: 'system',
    done: 'did something',
    again: 'answered EAGAIN',
    spread: 'The thin line: the slowest and the fastest fifth of the time measured.',
    mechanism: 'mechanism',
  },
  scaling: (protocol: string) => `${protocol}: as connections grow`,

  claims: {
    about:
      'What textbooks and notes say about the five models, each tried by a measurement that first checks itself. The verdicts follow from the numbers of this machine; another kernel may give others.',
    checks: 'Self-checks of the measurement',
    passed: 'passed',
    failed: 'failed',
    seconds: (seconds: string) => `measured in ${seconds} s`,
    leftOut: 'Not begun, because the time was up; `fivefold claims NAME` tries it:',
    extrapolated: (label: string) => `${label} (extrapolated)`,
  },

  environment: { about: 'Without it the numbers mean nothing.' },
  raw: {
    about:
      'Everything on this page comes from these results; the file can be read by `fivefold report --from` and `fivefold diff`.',
    download: 'Download the results (JSON)',
  },

  diff: {
    machines: 'What differs between the machines',
    same: 'Nothing that is known of the machines differs.',
    numbers: 'The numbers',
    verdicts: 'Verdicts that changed',
    noVerdicts: 'No verdict changed.',
    field: 'field',
    load: 'load',
    measure: 'measure',
    factor: 'B/A',
    within: 'within the spread',
    none: 'There is no load that both files have.',
  },
}
