/** Experiments on waiting, copying and being held up, in English. */
export const phasesClaims = {
  waiting: {
    title: 'What waiting costs',
    question:
      'Does a process that waits in a blocking call use the processor? Does one that asks again and again?',
    method:
      'A recv that sleeps, and a recv with MSG_DONTWAIT in a loop, for the same time, each beside another process with work on the same processor. Then an open socket in each model, with nothing to come.',
    claims: {
      blockingSleeps: {
        says: 'Blocking I/O uses no processor time while it waits.',
        evidence:
          '{calls} call, asleep all the time, used {cpu} of a processor ({switches} voluntary context switches).',
      },
      othersRun: {
        says: 'While one process is blocked, other processes run.',
        evidence:
          'Of what two processes used of one processor, the one with work got {besideBlocking} beside a blocked one, and {besideAsking} beside one that polls.',
      },
      pollingBurns: {
        says: 'Non-blocking I/O, which asks again and again, wastes the processor.',
        evidence:
          '{again} questions were answered EAGAIN; they took {cpu} of a processor that they shared with another process, and the model by itself takes {alone}.',
      },
      signalCheaper: {
        says: 'Signal-driven I/O uses less processor time than polling.',
        evidence: 'Waiting for a signal took {signal} of a processor, asking {asking}.',
      },
    },
    labels: {
      cpuWhileWaiting: 'share of a processor used while waiting',
      neighbour: 'what a process with work gets of the processor beside it',
    },
    checks: {
      waited: 'both really waited for as long as they were to',
      nothingCame: 'nothing came: every answer was EAGAIN',
      neighbourWorked: 'the other process worked',
    },
  },
  phases: {
    title: 'The two phases',
    question:
      'How long do the two phases hold the thread, in each mechanism, for small and for large messages?',
    method:
      'A message is written into a pipe, in one piece, 20 ms after it is asked for. Each mechanism’s own calls receive it; what is timed is how long they hold the thread while waiting and while copying (of a blocking read, which does both: its processor time).',
    claims: {
      copyHolds: {
        says: 'In multiplexing the second phase still holds the process: it copies the data itself.',
        evidence: 'After epoll_wait, read held the thread for {first} ({small}) to {last} ({size}).',
      },
      sameCopy: {
        says: 'The four synchronous models differ in the first phase only; the second is the same.',
        evidence: 'Copying {size} held the thread for {least} to {most} ({ratio}).',
      },
      asynchronousFree: {
        says: 'Only the asynchronous models leave the thread free in both phases.',
        evidence:
          'Copying {size} held the thread for {epoll} with epoll, {aio} with aio_read, {ring} with io_uring, {worker} with IOSQE_ASYNC.',
        when: 'another thread makes the copy, as here with {who}. io_uring as it comes copies in the thread that asked, when that enters the kernel.',
      },
    },
    labels: {
      waitingHeld: 'phase 1: the thread is held while waiting',
      copyingHeld: 'phase 2: the thread is held while copying',
      messageBytes: 'message',
      held: 'held for',
    },
    checks: { whole: 'every message arrived whole', waited: 'no message came before it was sent' },
  },
  'degree-of-blocking': {
    title: 'The degree of blocking',
    question:
      'How long can the thread do nothing else while it awaits a message? Is the textbook’s order of the five right?',
    method:
      'A message of 64 KiB comes after 20 ms. Whenever the thread is not held by a call it does other work, in pieces of 50 µs. Shares of the whole time: held in the first phase, and at work.',
    claims: {
      order: {
        says: 'Degree of blocking: blocking > non-blocking > multiplexing > signal-driven > asynchronous.',
        evidence:
          'Held while waiting {later}: blocking {blocking}, non-blocking {nonBlocking}, epoll {multiplexing}, SIGIO {signal}, aio {asynchronous}.',
      },
      heldWaiting: {
        says: 'In the first phase a multiplexer blocks the thread just as a blocking call does.',
        evidence:
          'blocking, select, poll and epoll held the thread for at least {held} of the time; other work got at most {worked}.',
      },
      freeWaiting: {
        says: 'Non-blocking, signal-driven and asynchronous I/O leave the thread free in the first phase.',
        evidence:
          'Other work got at least {worked} of the time. Then the copy of {size} held the thread for {signal} with SIGIO, and for {asynchronous} with aio.',
      },
    },
    labels: {
      heldWaitingShare: 'share of the time held while waiting',
      workedShare: 'share of the time for other work',
      heldCopying: 'held while copying 64 KiB',
    },
    checks: {
      whole: 'every message arrived whole',
      waited: 'no message came before it was sent',
      noMoreThanAll: 'held and at work are no more than all of the time',
    },
  },
  layers: {
    title: 'The layers, and the line between',
    question:
      'Where is the line between process and kernel: above the transport layer? Which calls go across it?',
    method:
      'A client connects and sends to a socket whose server calls nothing but listen; then TCP’s state is looked at. And every call of a process is counted while it serves one connection and one message over epoll.',
    claims: {
      transportBelow: {
        says: 'The transport layer and what is below it are the kernel’s; the user’s process is above.',
        evidence:
          'Without a call of the server {established} connection was established; of {sent} sent, {unacknowledged} were unacknowledged, and {waiting} waited in the server’s socket.',
      },
      callsAcross: {
        says: 'The process reaches the network by system calls alone.',
        evidence: 'One connection and {message} there and back took {calls} calls of {kinds} kinds: {names}.',
      },
    },
    labels: { callsMade: 'calls for one connection and one message, both ends' },
    checks: {
      sent: 'the client’s message was taken',
      echoed: 'the message came back whole',
      seen: 'the calls that must be there were seen',
    },
  },
}
