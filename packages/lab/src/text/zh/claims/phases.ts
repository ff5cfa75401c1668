/** 关于等待、复制和被占住的实验。 */
import type { phasesClaims as english } from '../../en/claims/phases.js'

export const phasesClaims: typeof english = {
  waiting: {
    title: '等待的代价',
    question: '在阻塞调用中等待的进程占用处理器吗？一遍遍询问的进程呢？',
    method:
      '同样长的时间里，一个 recv 一直睡着，另一个在循环中用 MSG_DONTWAIT 调用 recv；各自在同一个处理器上与另一个有活干的进程相伴。然后在每种模型中打开一个套接字，什么也不会来。',
    claims: {
      blockingSleeps: {
        says: '阻塞式 I/O 等待时不消耗 CPU 时间。',
        evidence: '{calls} 次调用一直睡着，占用处理器 {cpu}（主动上下文切换 {switches} 次）。',
      },
      othersRun: {
        says: '一个进程被阻塞时，其他进程可以运行。',
        evidence:
          '在两个进程用掉的同一处理器时间里，有活干的那个：与被阻塞的进程相伴时得到 {besideBlocking}，与轮询的进程相伴时得到 {besideAsking}。',
      },
      pollingBurns: {
        says: '非阻塞式 I/O 一遍遍询问，浪费 CPU。',
        evidence:
          '{again} 次询问得到 EAGAIN；与另一进程共用一个处理器时占了 {cpu}，这种模型独自运行时占 {alone}。',
      },
      signalCheaper: {
        says: '信号驱动式 I/O 的 CPU 利用率比轮询高：占用更少。',
        evidence: '等待信号占用处理器 {signal}，轮询占用 {asking}。',
      },
    },
    labels: {
      cpuWhileWaiting: '等待时占用处理器的比例',
      neighbour: '同一处理器上有活干的进程得到的比例',
    },
    checks: {
      waited: '两者都等够了时间',
      nothingCame: '什么也没来：每个回答都是 EAGAIN',
      neighbourWorked: '另一个进程确实在干活',
    },
  },
}
