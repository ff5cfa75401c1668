/** Experiments on select, poll and epoll, in English. */
export const multiplexingClaims = {
  'one-at-a-time': {
    title: 'One at a time, or many',
    question:
      'Does a blocking call serve one descriptor at a time? Do select, poll and epoll wait for several, and for a time?',
    method:
      'Of two sockets the second has data from the start, the first only 80 ms later. Once a blocking recv of the first comes first; then select, poll and epoll wait for both. A last wait of 40 ms is for nothing.',
    claims: {
      blockingOne: {
        says: 'A blocking call serves one descriptor at a time: whoever else is ready has to wait.',
        evidence:
          'Data that were there from the start were read after {blocking}, when those of the other socket ({later}) had come; the multiplexers read them within {multiplexed}.',
      },
      multiplexerMany: {
        says: 'select, poll and epoll wait for any of several descriptors.',
        evidence:
          '{names}: of {descriptors} descriptors the ready one alone was reported, and served within {ready}; the event of the other ended a wait of {long} after at most {event}.',
      },
      multiplexerTimeout: {
        says: 'select, poll and epoll wait until a time is up, if nothing comes.',
        evidence: '{names}: asked for {asked}, they returned 0 after {shortest} to {longest}.',
      },
    },
    labels: { readyWaits: 'how long ready data waited to be read' },
    checks: {
      bothServed: 'both bytes were read',
      sentLater: 'the later byte was really sent later',
    },
  },
  'select-limit': {
    title: 'The 1024 of select',
    question:
      'Can select watch more than 1024 descriptors, and numbers above 1023, without recompiling anything?',
    method:
      'Duplicates a socket to a high number and 1,500 others besides, and calls select(2) with a set that is as long as the highest number wants. Before the socket has data, and after.',
    claims: {
      select1024: {
        says: 'select watches at most 1024 descriptors; more need a recompiled kernel or library.',
        evidence:
          'select on {watched} descriptors up to number {highest} reported the {answer} that was ready. The set took {set}; the {libc} of fd_set are a type of the C library, not a limit of the kernel.',
      },
    },
    labels: {},
    checks: {
      nothingBefore: 'nothing was reported before there were data',
      aboveLimit: 'number and count are above 1024',
    },
  },
  'time-resolution': {
    title: 'How finely one can wait',
    question:
      'Is the time-out of select finer than those of poll and epoll, so that real-time programs need select?',
    method:
      'Waits of 10 µs to 1 ms for nothing, by turns with every call; the median of when they really ended. Once with the usual timer slack of 50 µs, once with 1 ns.',
    claims: {
      selectFinest: {
        says: 'select has the finest time-out (1 ns), poll and epoll have 1 ms: take select for real time.',
        evidence:
          'Asked for {asked}, select woke after {select}; of {others} the quickest woke after {other}. select counts in microseconds, not nanoseconds.',
      },
      pollWholeMilliseconds: {
        says: 'The time-outs of poll and epoll_wait are whole milliseconds.',
        evidence:
          'Where {asked} were wanted, the least that can be asked for woke poll after {poll} and epoll_wait after {epoll}. ppoll, with nanoseconds, woke after {ppoll}.',
      },
      slackDecides: {
        says: 'How late a short wait ends is a matter of the thread’s timer slack, whichever call it is.',
        evidence:
          'select, asked for {asked}, woke after {usual} with a slack of {slack}, and after {least} with 1 ns; ppoll and epoll_pwait2 gained likewise.',
      },
    },
    labels: { ladder: 'when waits really end', asked: 'asked for', woke: 'woke after (median)' },
    checks: {
      timeWasUp: 'every wait ended because its time was up',
      noneEarly: 'no wait ended early',
    },
  },
  'poll-array': {
    title: 'What poll writes back',
    question: 'Is pollfd a linked list? Does poll leave alone what it is given? And select?',
    method:
      'Fills every revents with a pattern, calls poll(2), and compares the bytes; gives the same bytes to poll from another place. Then select(2) on the same descriptors, three of them ready.',
    claims: {
      pollWritesNothing: {
        says: 'poll does not modify what it is given.',
        evidence:
          'Of {entries} entries, {ready} of them ready, it wrote revents in {revents}, and fd or events in {asked}.',
        when: 'only fd and events are meant: what was asked is left alone, and the answer is written beside it.',
      },
      pollList: {
        says: 'poll’s descriptors are a linked list, and so without a limit.',
        evidence:
          '{entries} entries of {size} stand side by side in {memory}; the same bytes at another place mean the same. It is an array.',
      },
      selectOverwrites: {
        says: 'select overwrites its sets, and its time: both must be set anew for every call.',
        evidence:
          'Of {wanted} bits {left} were left, those of the ready ones; of {asked} to wait {rest} were written back.',
      },
    },
    labels: {},
    checks: {
      pollFound: 'poll found those that are ready',
      selectFound: 'select found those that are ready',
    },
  },
  'copied-per-wait': {
    title: 'What is copied per wait',
    question:
      'How many bytes pass between process and kernel with each wait, as the number of descriptors grows?',
    method:
      'Puts the arguments at the end of a mapping behind which the kernel finds nothing (EFAULT). The least memory with which a call works is what it touches. One descriptor is ready.',
    claims: {
      epollOnce: {
        says: 'epoll takes the descriptors once; a wait copies only what is ready.',
        evidence:
          'With {few} descriptors epoll_wait touched {touchedFew}, with {many} {touchedMany}, of a room of {room}.',
      },
      othersEveryTime: {
        says: 'select and poll copy the whole set with every call.',
        evidence:
          'From {few} to {many} descriptors: select {selectFew} to {selectMany}, poll {pollFew} to {pollMany} ({entry} each), and the answer back.',
      },
    },
    labels: {
      copied: 'memory touched per wait, one ready',
      descriptors: 'descriptors',
      bytesPerWait: 'bytes',
    },
    checks: {
      foundReady: 'every call found the one that is ready',
      guardWorks: 'too little memory is noticed',
    },
  },
  'edge-level': {
    title: 'Edge and level',
    question:
      'Is edge-triggered epoll faster than level-triggered? Does it need non-blocking sockets? What does a short read leave behind?',
    method:
      'The same messages through both, and the calls counted; an interest that is true all the time; a read of a quarter of a message and another wait; EPOLLET on a blocking socket.',
    claims: {
      edgeFaster: {
        says: 'Edge-triggered is faster than level-triggered.',
        evidence:
          'Calls per message: level {level}, edge {edge} (it must read until EAGAIN); CPU {levelCpu} and {edgeCpu}. With EPOLLOUT registered all the time, {waits} waits were woken {levelAwake} and {edgeAwake} times.',
        when: 'an interest is registered that is true nearly always, such as EPOLLOUT, or data are left unread on purpose.',
      },
      edgeNonBlockingOnly: {
        says: 'Edge-triggered epoll only supports non-blocking sockets.',
        evidence:
          'A blocking socket: registered with EPOLLET {registered} time, reported {reported} time. Nothing enforces it; a read until EAGAIN would block.',
      },
      edgeShortRead: {
        says: 'With edge triggering, who reads too little is not told of the rest: the connection hangs.',
        evidence:
          '{rest} were left in the socket; the next wait told of them {edge} times with edge, {level} time with level.',
      },
    },
    labels: {
      level: 'level',
      edge: 'edge',
      callsPerMessage: 'calls per message',
      awake: 'waits woken by EPOLLOUT, of 100',
    },
    checks: {
      allReceived: 'every byte of every message was received',
      restThere: 'the rest of the message was there',
    },
  },
  'closed-descriptor': {
    title: 'Closing what epoll watches',
    question: 'Is it well defined what happens when another thread closes a descriptor that epoll watches?',
    method:
      'While one thread sleeps in epoll_wait, another closes the watched socket; then the peer sends. Once the socket has no duplicate, once it has one (as after fork or dup).',
    claims: {
      closeRemoves: {
        says: 'With epoll, closing a descriptor in another thread is well defined: it is forgotten.',
        evidence:
          'After the close {alone} events came without a duplicate, {duplicated} with one; taking the dead number out answered {remove}.',
        when: 'no duplicate of the descriptor is open anywhere: epoll watches the open file, not the number.',
      },
    },
    labels: {},
    checks: {
      quietBefore: 'nothing was reported before the peer sent',
      reallyClosed: 'the number was really free',
    },
  },
  'wake-ups': {
    title: 'Who wakes for a connection',
    question:
      'Four threads wait for one connection. Who wakes: without EPOLLEXCLUSIVE, with it, and with SO_REUSEPORT?',
    method:
      'Connections one after another to four threads that sleep in epoll_wait. Counted: the sleeps that a connection ended (context switches), returns in vain, and who accepted.',
    claims: {
      herd: {
        says: 'Without EPOLLEXCLUSIVE a connection wakes all who wait for it (the thundering herd).',
        evidence:
          '{threads} threads: {wakeUps} wake-ups per connection, of which {inVain} came back to the program and found nothing.',
      },
      exclusiveOne: {
        says: 'EPOLLEXCLUSIVE avoids the herd.',
        evidence:
          '{wakeUps} wake-ups per connection instead of {plain}; the busiest thread accepted {busiest} of them.',
      },
      reusePortSpreads: {
        says: 'SO_REUSEPORT wakes one thread, and spreads the connections evenly.',
        evidence:
          '{wakeUps} wake-ups per connection; the busiest thread accepted {busiest} (with EPOLLEXCLUSIVE {exclusive}).',
      },
    },
    labels: { wakeUps: 'wake-ups per connection', busiest: 'share of the busiest of four threads' },
    checks: {
      allAccepted: 'every connection was accepted',
      wakeUpsSeen: 'wake-ups were counted for every connection',
    },
  },
  scaling: {
    title: 'More and more descriptors',
    question:
      'What does one wait cost as the number of descriptors grows, a few of them ready or all? From where on is epoll cheaper?',
    method:
      'select, poll and epoll_wait, without a time-out, on the same sockets by turns; CPU time of the thread per wait, select’s copy of its set included. Four are ready, then all.',
    claims: {
      linear: {
        says: 'What select and poll cost grows with the number of descriptors: O(n).',
        evidence:
          'From {few} to {many} descriptors: select {selectFew} to {selectMany}, poll {pollFew} to {pollMany} per wait.',
      },
      constant: {
        says: 'What epoll costs does not grow with the number of descriptors: O(1).',
        evidence:
          'From {few} to {many} descriptors, as many of them ready: {epollFew} to {epollMany} per wait.',
      },
      epollNeedsThousand: {
        says: 'Below about 1000 descriptors epoll has no advantage over select and poll.',
        evidence:
          'With {active} ready, epoll is the cheapest from {from} descriptors on; at 100 the better of the others takes {at100} the time.',
      },
      activeDecides: {
        says: 'epoll’s advantage depends on how few of the descriptors are ready.',
        evidence:
          'At {many} descriptors the better of select and poll takes {few} the time of epoll with {active} ready, and {all} with all ready.',
      },
    },
    labels: {
      fewActive: 'CPU per wait, four ready',
      allActive: 'CPU per wait, all ready',
      descriptors: 'descriptors',
      cpuPerWait: 'CPU per wait',
    },
    checks: {
      found: 'every wait found all that were ready',
      counted: 'every wait took some time',
      readyAsMeant: 'as many were ready as were meant to be',
    },
  },
}
