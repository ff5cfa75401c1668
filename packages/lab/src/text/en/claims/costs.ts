/** Experiments on what servers cost, in English. */
export const costsClaims = {
  'thread-per-connection': {
    title: 'A thread for each connection',
    question:
      'What does a server with a thread for each connection take, beside one that multiplexes? Would it hold tens of thousands?',
    method:
      'The same echo server over the blocking model and over epoll, with a growing number of connections that all send. Threads, resident memory, context switches, and the time until all were answered once. A thread here is a Worker, with a JavaScript engine of its own: a thread of C takes less. Beyond the largest count everything is extrapolated, and says so.',
    claims: {
      threadEach: {
        says: 'Without multiplexing, a server needs a thread for every connection.',
        evidence:
          '{connections} connections: {threads} threads more with blocking calls, {epoll} with epoll; each thread took {each}.',
      },
      switches: {
        says: 'Many threads mean many context switches.',
        evidence:
          'With {connections} connections {threads} context switches per message with a thread each, {epoll} with epoll.',
      },
      startUp: {
        says: 'Starting the threads takes time that multiplexing does not need.',
        evidence:
          'Until all were answered: a thread each {threadsFew} for {few} and {threads} for {many} connections; epoll {epoll} for {many}.',
      },
      tensOfThousands: {
        says: 'With multiplexing a server holds tens of thousands of connections; with a thread each it does not.',
        evidence:
          'Extrapolated from {measured} to {many} connections: {threads} with a thread each, {epoll} with epoll; this machine has {memory}.',
      },
    },
    labels: {
      memory: 'resident memory of the server (dashed: extrapolated)',
      startUpTime: 'time until all connections were answered',
      connections: 'connections',
      resident: 'memory',
      untilAnswered: 'time',
      threads: 'a thread each',
    },
    checks: {
      allAnswered: 'every message was answered',
      memorySeen: 'the memory of a server grew',
    },
  },
  'short-lived': {
    title: 'Connections that live for one message',
    question: 'Does epoll_ctl weigh so much that epoll is a bad choice for short-lived connections?',
    method:
      'Connections that bring one message each, and some that bring a hundred; every call of the server is timed: accept, epoll_ctl, epoll_wait, recv, send, close.',
    claims: {
      controlCostly: {
        says: 'With many short-lived connections epoll_ctl makes epoll expensive.',
        evidence:
          '{calls} of the server’s {ofCalls} calls per connection were epoll_ctl: {control} of {server}, which is {part}; with {messages} messages each it is {long}.',
        when: 'a connection brings a message or two; even then the rest of a connection’s life costs more.',
      },
    },
    labels: {
      controlShare: 'epoll_ctl’s share of the server’s time in calls',
      oneMessage: 'one message each',
      manyMessages: '100 messages each',
    },
    checks: {
      allAnswered: 'every message was answered',
      partOfWhole: 'epoll_ctl took a part of the time, and not all of it',
    },
  },
  efficiency: {
    title: 'The order by efficiency',
    question:
      'Is the textbook’s order of the five by efficiency right: for few and many connections, small and large messages, by throughput, CPU and latency?',
    method:
      'The measurement of `fivefold compare`: an echo server process and a load generator over loopback, each on a processor of its own, every byte checked. Throughput and CPU with all connections active, or with so many of them as stand before the stroke; latency with one of them active. Those that differ by less than 10 % are alike.',
    claims: {
      order: {
        says: 'Efficiency, from low to high: blocking < non-blocking < multiplexing < signal-driven < asynchronous.',
        evidence:
          'The order was right in {holding} of {compared} comparisons. CPU per message at {regime}: blocking {blocking}, non-blocking {nonBlocking}, epoll {multiplexing}, SIGIO {signal}, io_uring {asynchronous}.',
        when: 'one looks at: {where}.',
      },
      asynchronousFirst: {
        says: 'Asynchronous I/O is the most efficient.',
        evidence:
          'io_uring took the least CPU per message, or at most 10 % more, in {first} of {regimes} regimes. The cheapest: {cheapest}.',
        when: 'asynchronous means io_uring, and the load is {where}.',
      },
      aioToo: {
        says: 'POSIX aio, being asynchronous, is more efficient than multiplexing.',
        evidence: 'CPU per message at {regime}: aio {aio}, epoll {epoll} ({ratio}).',
      },
    },
    labels: { rate: 'messages per second', cpu: 'CPU per message', latency: 'latency, one active (median)' },
    checks: {
      noErrors: 'every byte came back right',
      activeAsMeant: 'as many connections were active as meant',
    },
  },
}
