/** Everything the command says, in English. The shape of this object is what every other language must fill. */

import { advise } from './en/advise.js'
import { claimsCommandEn, claimsEn } from './en/claims.js'
import { doctor } from './en/doctor.js'
import { diffCommandEn, reportCommandEn, reportEn } from './en/report.js'
import { serve } from './en/serve.js'
import { witness } from './en/witness.js'

const count = (value: number) => value.toLocaleString('en')

export const en = {
  yes: 'yes',
  no: 'no',
  none: '–',
  comma: ', ',
  count,
  bytes: (value: number) => `${count(value)} ${value === 1 ? 'byte' : 'bytes'}`,
  list: (names: readonly string[]) => new Intl.ListFormat('en').format(names),

  families: {
    blocking: 'blocking',
    'non-blocking': 'non-blocking',
    multiplexing: 'multiplexing',
    'signal-driven': 'signal-driven',
    asynchronous: 'asynchronous',
  },

  help: {
    usage: 'COMMAND [OPTION…]',
    about:
      "Linux's five I/O models on this machine's own kernel: which mechanisms work here, what each does for one message, and what each costs under the same load.",
    commands: 'Commands',
    options: 'Options',
    summary: 'how a command is used',
    version: 'print the version',
  },

  commonOptions: {
    help: 'how it is used',
    lang: 'the language of the output; without it, that of LC_ALL or LANG',
  },

  commands: {
    models: {
      usage: 'models [--json]',
      summary: 'which of the nine mechanisms work here, why not, and what would help',
      about:
        "Tries each mechanism by doing it, and says which work here, why the others do not, and what would help. Ends with what 'auto' chooses.",
      options: { json: 'print JSON' },
    },
    trace: {
      usage: 'trace MODEL|--all [OPTION…]',
      summary: 'one message through one model, step by step',
      about:
        "Receives one message through one model and shows what happened, in order: what the application called and with what, what came back, EAGAINs, signals and completions, with the time since the start. Phase 1 is the wait for the data, phase 2 the copy from the kernel to the process. The message is sent by another process, 10 ms after the wait began. What repeats is shown once, with its count. Two witnesses tell it: our own stamps, and, for the superuser, the kernel's tracepoints; how far they agree is said.",
      options: {
        protocol:
          'udp (the default, as in the textbook), tcp, unix or file (one that is not in memory); tcp is the default where a model borrows another for datagrams',
        repeat: 'how many messages, from 1 to 1000; the one in the middle is shown',
        all: 'every mechanism that works here: a table of how far the two witnesses agree',
        svg: 'draw it to this file',
        json: 'print JSON',
      },
    },
    claims: claimsCommandEn,
    report: reportCommandEn,
    diff: diffCommandEn,
    compare: {
      usage: 'compare [OPTION…]',
      summary: 'the same load through every model, side by side',
      about:
        'Sends the same messages through every model: a real server process and a real load generator over loopback, each on a processor of its own, every byte checked. Then random reads of a real file through the models that read files. What a model cannot do is left empty, and the reason is given.',
      options: {
        models: 'only these, with commas: epoll,io_uring',
        connections: 'how many connections, one or several: 1,64,1000 (the default)',
        size: 'bytes of a message: 64 (the default), 4KiB, 1MiB',
        duration: 'how long each load is measured: 500ms, 2s (the default)',
        protocol: 'tcp (the default), unix or udp',
        file: 'the file to read from; without it, a temporary one',
        port: "the server's port; without it, the kernel picks one",
        quick: 'a short run: 64 connections, and less time for each',
        json: 'print JSON',
      },
    },
    serve: serve.command,
    doctor: doctor.command,
    advise: advise.command,
  },

  claims: claimsEn,
  report: reportEn,

  errors: {
    unknownCommand: (name: string, known: string) =>
      `there is no command '${name}'; there are: ${known}, help`,
    unknownOption: (name: string) => `there is no option '${name}' here; see --help`,
    needsValue: (name: string, value: string) => `${name} needs a value: ${name} ${value}`,
    takesNoValue: (name: string) => `${name} takes no value`,
    tooManyArguments: (extra: string) => `'${extra}' is one argument too many`,
    missingModel: (known: string) => `which model? One of: ${known}`,
    unknownModel: (name: string, known: string) => `there is no model '${name}'; there are: ${known}`,
    badChoice: (option: string, value: string, choices: string) =>
      `${option} is one of ${choices}, not '${value}'`,
    badDuration: (value: string) => `'${value}' is not a duration from 20ms to 60m; write 500ms, 2s or 1m`,
    badSize: (value: string, most: number) =>
      `'${value}' is not a size from 1 to ${count(most)} bytes; write 64, 4KiB or 1MiB`,
    badConnections: (value: string) => `'${value}' is not a list of connection counts; write 64 or 1,64,1000`,
    badPort: (value: string) => `'${value}' is not a port from 0 to 65535`,
    portInUse: (port: number) => `port ${port} is in use; choose another, or leave --port away`,
    portForbidden: (port: number) => `port ${port} may not be used without privileges; choose one above 1023`,
    unavailable: (model: string, reason: string, cure: string) =>
      `${model} cannot work here: ${reason}. ${cure}`,
    tooFewDescriptors: (connections: number, needed: number, limit: number) =>
      `${count(connections)} connections need about ${count(needed)} descriptors, and the limit is ${count(limit)}; raise it (ulimit -n) or ask for fewer`,
    notWritten: (path: string, why: string) => `${path} cannot be written: ${why}`,
    fileMissing: (path: string) => `there is no file ${path}`,
    fileForbidden: (path: string) => `no permission to read ${path}`,
    notAFile: (path: string) => `${path} is not a regular file`,
    fileTooSmall: (path: string, least: number) =>
      `${path} is too small: random reads need ${count(least)} bytes`,
    fileUnreadable: (path: string, why: string) => `${path} cannot be read: ${why}`,
    wrongBytes: (errors: number) => `${count(errors)} errors: see the notes above`,
    modelsFailed: (names: string) => `not measured: ${names}; see the reasons above`,
    noMessage: (model: string) => `the message did not reach ${model} in time`,
    unanswered: (process: string, question: string, seconds: number) =>
      `${process} did not answer '${question}' within ${seconds} s`,
    endedEarly: (process: string, how: string, why: string) =>
      `${process} ended early (${how})${why === '' ? '' : `: ${why}`}`,
  },

  models: {
    model: 'model',
    family: 'family',
    synchronous: 'synchronous',
    files: 'files',
    available: 'works here',
    remarks: 'remarks',
    borrows: (operations: string) => `borrows a poller for ${operations}`,
    auto: (model: string) => `'auto' chooses ${model} here.`,
    autoBecause: (model: string, refused: string) => `'auto' chooses ${model} here: ${refused} cannot work.`,
    nothingWorks: (reason: string) => `'auto' finds nothing that works here: ${reason}`,
  },

  compare: {
    steps: {
      start: 'starting',
      connect: 'connecting',
      wait: 'waiting with nothing to do',
      single: 'one message at a time',
      load: 'under load',
      count: 'counting the calls',
      hold: 'how many connections it holds',
    },
    cell: (model: string, protocol: string, connections: number) =>
      `${model} · ${protocol} · ${count(connections)}`,
    fileCell: (model: string) => `${model} · file`,
    about: (protocol: string, connections: number, size: string) =>
      `${protocol}, ${count(connections)} ${connections === 1 ? 'connection' : 'connections'}, messages of ${size}`,
    aboutFiles: (path: string, size: string, inFlight: number) =>
      `file reads: ${size} at random places of ${path}, ${inFlight} in flight`,
    temporaryFile: 'a temporary file',
    columns: {
      model: 'model',
      rate: 'messages\nper s',
      reads: 'reads\nper s',
      latency: 'latency µs\np50/p99',
      cpu: 'CPU µs\nuser+sys',
      calls: 'calls/\nEAGAIN',
      switches: 'switches\nvol/inv',
      idle: 'CPU\nidle',
      threads: 'threads\n',
      memory: 'KiB/\nconn.',
      most: 'most\nconns',
    },
    reasons: {
      tooManyWaiting: (most: number, needed: number) =>
        `at most ${count(most)} operations can wait at once, and this needs ${count(needed)}`,
      notConnected: (open: number, wanted: number, why: string) =>
        `only ${count(open)} of ${count(wanted)} connections: ${why}`,
      noSamples: 'no message came back',
      fewSamples: (samples: number) => `the p99 stands on ${count(samples)} samples only`,
      oneSocketForAll: 'one socket serves all peers',
      oneConnection: 'takes more than one connection to tell',
      withinNoise: 'less than the memory of the process goes up and down by itself',
      files: 'reads have no connections',
      callsUnseen:
        "at least so many calls: glibc's aio threads make more (futex, signals), which the count cannot see",
      needsDescriptors: (needed: number, limit: number) =>
        `needs about ${count(needed)} descriptors, and the limit is ${count(limit)}`,
    },
    /** What can go wrong with connections, messages and reads. `what` is a call with its errno, or a place. */
    complaints: {
      failed: (what: string) => what,
      library: (what: string) => what,
      ownLimit: (what: string) => `${what}, in the generator itself`,
      noAnswer: (what: string) => `no answer on connection ${what}`,
      closed: () => 'the server closed the connection',
      wrong: (what: string) => `wrong bytes at ${what}`,
      extra: () => 'more bytes than were sent',
      missing: () => 'messages that never came back',
      single: () => 'a single message that did not come back',
      lost: () => 'datagrams lost',
      late: () => 'datagrams with wrong bytes, or that came late',
      short: (what: string) => `a read of only ${what} bytes`,
      stuck: () => 'a read that was never complete',
    },
    complaint: (what: string, times: number) => (times === 1 ? what : `${what} (${count(times)} times)`),
    processes: {
      server: (model: string) => `the ${model} server`,
      generator: 'the generator',
      reader: (model: string) => `the ${model} reader`,
      receiver: (model: string) => `the ${model} receiver`,
    },
    notes: 'Notes',
    reading: 'Reading',
    environment: 'Environment',
    note: (model: string, what: string) => `${model}: ${what}`,
    errorsNote: (model: string, errors: number, what: string) => `${model}: ${count(errors)} errors: ${what}`,
    generatorBound: (models: string, share: string) =>
      `${models}: the generator was busy for ${share} of the time and was the limit; the server could do more.`,
    legend: [
      'messages: closed loop, one under way on each connection; all that is measured there is capacity.',
      'latency: one message at a time to a waiting server, from before the send until its handler has the bytes.',
      'CPU, calls, switches: per message, of the whole server process. vol: it waited; inv: it was pushed aside.',
      'CPU idle: of one processor, with all connections open and nothing to do.',
    ],
    legendFiles: [
      'latency: one read at a time, from the request to its completion. The file is in the page cache.',
    ],
    legendFewSamples: '~: a p99 of fewer than 10,000 samples.',
    legendMost: (held: number) =>
      `most conns: where the first limit lies (descriptors, threads, memory); up to ${count(held)} were held here at once, each answering.`,
    findings: {
      unsteady: (models: string, spread: string) =>
        `The rate of ${models} strayed by up to ${spread} within the run: something else used the machine, and the rates rank nothing. Run it again on a quiet one.`,
      noDifference: (models: string, rate: string, spread: string) =>
        `${models} carried about the same (${rate}/s): they differ by less than one run varies in itself (${spread}).`,
      fastest: (model: string, rate: string, times: string, slowest: string) =>
        `${model} carried the most, ${rate}/s: ${times} times as many as ${slowest}.`,
      cheapest: (model: string, micros: string, dearest: string, dearestMicros: string, reads: boolean) =>
        `${model} spent the least CPU on a ${reads ? 'read' : 'message'}, ${micros} µs; ${dearest} the most, ${dearestMicros} µs.`,
      quickest: (model: string, micros: string, slowest: string, slowestMicros: string) =>
        `A message reached a waiting ${model} in ${micros} µs (median); ${slowest} took ${slowestMicros} µs.`,
      quickestRead: (model: string, micros: string, slowest: string, slowestMicros: string) =>
        `One read by itself took ${model} ${micros} µs (median); ${slowest} took ${slowestMicros} µs.`,
      burns: (models: string, share: string, most: string) =>
        `With nothing to do, ${models} used ${share} of a processor; none of the others used more than ${most}.`,
      burnsAll: (models: string, share: string) =>
        `With nothing to do, ${models} used ${share} of a processor.`,
      allRest: (most: string) => `With nothing to do, none used more than ${most} of a processor.`,
      threads: (model: string, threads: number, connections: number) =>
        `${model} added ${count(threads)} threads for ${count(connections)} ${connections === 1 ? 'connection' : 'connections'}.`,
      busy: (share: string) =>
        `Others took ${share} of the processors while this ran: take the numbers as a rehearsal, not as a result.`,
      caution:
        'One run each, on this machine, over loopback: another day or machine will give other numbers.',
    },
    machine: {
      system: (kernel: string, libc: string) => `Linux ${kernel}, ${libc}`,
      cpu: (cpu: string, cores: number, virtual: boolean) =>
        `${cpu}, ${cores} ${cores === 1 ? 'processor' : 'processors'}${virtual ? ', virtual machine' : ''}`,
      clock: (governor: string, boost: string, clock: string) =>
        `governor ${governor}, boost ${boost}, clock ${clock}`,
      unknown: 'unknown',
      pinned: (server: number, generator: number) =>
        `server on processor ${server}, generator on ${generator}`,
      notPinned: (reason: string) => `not pinned to processors: ${reason}`,
      oneProcessor: 'there is only one',
      mitigations: (list: string) => `mitigations: ${list}`,
      noMitigations: 'none',
      limits: (files: string, signals: string, locked: string) =>
        `limits: ${files} descriptors, ${signals} queued signals, ${locked} bytes locked`,
      kernelSettings: (slack: string, congestion: string, somaxconn: string, uring: string) =>
        `timer slack ${slack} ns, TCP ${congestion}, somaxconn ${somaxconn}, io_uring_disabled ${uring}`,
      load: (average: string, others: string) =>
        `load average before: ${average}; others took ${others} of the processors meanwhile`,
      software: (version: string, commit: string, node: string, koffi: string) =>
        `fivefold ${version}${commit === '' ? '' : ` (${commit})`}, Node ${node}, koffi ${koffi}`,
      command: (line: string, date: string) => `${line} · ${date}`,
    },
  },

  witness,
  serve: serve.says,
  doctor: doctor.says,
  advise: advise.says,

  trace: {
    title: (model: string, kind: string, protocol: string, message: string) =>
      `${model} · ${kind} · ${protocol} · one message of ${message}`,
    synchronous: 'synchronous',
    asynchronous: 'asynchronous',
    time: 'µs',
    application: 'application',
    kernel: 'kernel',
    phase1: 'phase 1',
    phase1Does: 'wait',
    phase2: 'phase 2',
    phase2Does: 'copy',
    thread: (number: number) => `thread ${number}`,
    times: (count_: number) => `${count(count_)} times`,
    marks: {
      asked: 'asks for data',
      thread: (number: number) => `thread ${number} starts`,
      handler: (signal: string) => `sigaction(${signal}, handler)`,
      signal: (signal: string) => `the handler of ${signal} runs`,
      raises: (signal: string) => `has raised ${signal}`,
      sent: (bytes: string) => `${bytes} arrive`,
      submission: (what: string) => `request in the ring: ${what}`,
      completion: (result: number) => `completion in the ring: ${result}`,
      copied: 'the bytes are copied already',
      data: (bytes: string) => `has the data: ${bytes}`,
    },
    kernelDoes: {
      sleeps: 'the thread sleeps',
      noDataSleeps: 'no data: the thread sleeps',
      noSignalSleeps: 'no signal: the thread sleeps',
      sleepsForSignal: 'sleeps until a signal',
      nothingReadySleeps: 'nothing ready: it sleeps',
      noData: 'no data: says so at once',
      copies: (bytes: string) => `copies ${bytes}`,
      woken: 'wakes it',
      wakes: 'wakes the other thread',
      interrupted: 'a signal ends the call',
      timeIsUp: 'the time is up',
      takesSignal: 'a signal was in the queue',
      ready: (descriptors: number) => `${descriptors} ready`,
      completed: 'a request is over',
      remembers: 'remembers the descriptor',
      willSignal: 'will raise signals for it',
      aioQueued: 'glibc: a thread reads for it',
      takes: (requests: number) => `takes ${requests} ${requests === 1 ? 'request' : 'requests'}`,
    },
    facts: {
      phases: (wait: string, copy: string) =>
        `Phase 1, the wait for the data, took ${wait}; phase 2, the copy, ${copy}.`,
      delivered: (time: string) =>
        `From the sending by another process to the application's handler: ${time}.`,
      calls: (calls: number, again: number) =>
        `${count(calls)} ${calls === 1 ? 'call' : 'calls'} into libc, of which ${count(again)} answered EAGAIN.`,
      borrowed: (model: string) =>
        `${model} has no call of its own that tells a datagram's sender: here a borrowed poller waits, and recvfrom copies.`,
      synchronous:
        'Synchronous: the application itself made the call that copied the data, and was held by it.',
      asynchronous: 'Asynchronous: when the application heard of it, the data were already in its memory.',
    },
  },
}
