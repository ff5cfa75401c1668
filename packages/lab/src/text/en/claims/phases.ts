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
}
