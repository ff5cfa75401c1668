/** Experiments on signal-driven I/O, in English. */
export const signalsClaims = {
  'signal-queue': {
    title: 'Many datagrams, few signals',
    question: 'Is there a signal for every datagram? What if more come than may wait?',
    method:
      'A hundred datagrams to a socket with O_ASYNC whose signal is blocked, then the waiting signals are counted: SIGIO, a real-time signal, and a real-time signal with room for 20 (RLIMIT_SIGPENDING).',
    claims: {
      oneForMany: {
        says: 'SIGIO merges: one signal stands for many datagrams, so the handler must read until there is nothing more.',
        evidence: '{datagrams} datagrams raised {signals} signal.',
      },
      realtimeEach: {
        says: 'Real-time signals queue: one for each datagram, and each names its descriptor.',
        evidence: '{datagrams} datagrams raised {signals} signals that name the descriptor.',
      },
      overflowLoses: {
        says: 'When the queue of real-time signals is full, the kernel raises a plain SIGIO, which names nobody.',
        evidence:
          'With room for {limit}, {datagrams} datagrams raised {named} signals that name the descriptor, and {plain} plain SIGIO.',
      },
    },
    labels: {
      signals: 'signals for 100 datagrams',
      realtime: 'real-time',
      limited: 'real-time, room for 20',
    },
    checks: { allArrived: 'all datagrams arrived', someRaised: 'signals were raised at all' },
  },
  'signal-handler': {
    title: 'Who runs when the handler runs',
    question:
      'What happens to the program while the signal handler runs? Can the handler call recvfrom? And without a handler?',
    method:
      'A C handler while its thread sleeps in another socket’s recv; a JavaScript handler while its thread computes for 100 ms; a process that asks for SIGIO and has no handler.',
    claims: {
      handlerInterrupts: {
        says: 'The handler runs in the middle of the program: the call that the thread sleeps in is interrupted.',
        evidence:
          'recv ended with {answer} after {after}; the datagram that raised the signal was sent after {sent}, to another socket.',
      },
      handlerReceives: {
        says: 'The signal handler itself calls recvfrom to fetch the data.',
        evidence:
          'It fetched {received}, in the main thread; but while that computed for {computed}, it ran {late} after the datagram.',
        when: 'the handler is one that may call anything. In Node it is called by the event loop, not by the kernel, and waits for its turn.',
      },
      defaultKills: {
        says: 'A process that asks for SIGIO and has no handler dies of the first datagram.',
        evidence: '{processes} of 1 processes ended, by {signal}.',
      },
    },
    labels: {},
    checks: {
      slept: 'the call slept until the datagram came',
      handlerRan: 'the handler ran',
    },
  },
  'start-or-done': {
    title: '“You may start” or “it is done”',
    question:
      'At the moment when the process is told, where are the bytes: still in the socket, or in its buffer?',
    method:
      'One datagram of 64 bytes. The moment SIGIO is taken, epoll_wait returns, the signal of aio_read is handled, or the completion is in the ring, the buffer and the socket are looked at.',
    claims: {
      signalStarts: {
        says: 'Signal-driven: the signal says that the process may start to read.',
        evidence: 'When SIGIO was taken, {buffer} were in the buffer and {socket} in the socket.',
      },
      epollAsynchronous: {
        says: 'epoll is asynchronous I/O.',
        evidence:
          'When epoll_wait returned, {buffer} were in the buffer and {socket} in the socket: the process still had to copy them.',
      },
      aioDone: {
        says: 'Asynchronous (aio_read): the signal says that it is done.',
        evidence:
          'When the signal of aio_read was handled, {buffer} were in the buffer and {socket} in the socket.',
      },
      uringDone: {
        says: 'Asynchronous (io_uring): the completion says that it is done.',
        evidence:
          'When the completion was in the ring, {buffer} were in the buffer and {socket} in the socket.',
      },
    },
    labels: { inBuffer: 'bytes in the buffer when the process is told' },
    checks: { wholeMessage: 'in the end each way brought the whole message' },
  },
}
