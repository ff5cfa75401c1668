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
  phases: {
    title: '两个阶段',
    question: '对小消息和大消息，每种机制的两个阶段各占住线程多久？',
    method:
      '请求之后 20 毫秒，一条消息整块写入管道。由每种机制自己的调用来接收；计时的是这些调用在等待时和复制时占住线程多久（阻塞读一次做两件事，取它的处理器时间）。',
    claims: {
      copyHolds: {
        says: '多路复用的第二阶段仍然占住进程：由它自己复制数据。',
        evidence: 'epoll_wait 之后，read 占住线程 {first}（{small}）到 {last}（{size}）。',
      },
      sameCopy: {
        says: '四种同步模型只在第一阶段不同，第二阶段是一样的。',
        evidence: '复制 {size} 占住线程 {least} 到 {most}（{ratio}）。',
      },
      asynchronousFree: {
        says: '只有异步模型在两个阶段都不占住线程。',
        evidence:
          '复制 {size} 占住线程：epoll {epoll}，aio_read {aio}，io_uring {ring}，带 IOSQE_ASYNC {worker}。',
        when: '由另一个线程来复制，如这里的 {who}。默认的 io_uring 在提出请求的线程进入内核时，由该线程复制。',
      },
    },
    labels: {
      waitingHeld: '阶段一：等待时占住线程',
      copyingHeld: '阶段二：复制时占住线程',
      messageBytes: '消息',
      held: '占住的时间',
    },
    checks: { whole: '每条消息都完整到达', waited: '没有消息在发送之前到来' },
  },
  'degree-of-blocking': {
    title: '阻塞程度',
    question: '等待一条消息时，线程有多久不能做别的事？教科书给出的五种模型的顺序对吗？',
    method:
      '64 KiB 的消息在 20 毫秒后到来。只要没有被调用占住，线程就做别的工作，每份 50 微秒。给出占总时间的比例：第一阶段被占住的，和做别的工作的。',
    claims: {
      order: {
        says: '阻塞程度：阻塞式 > 非阻塞式 > 多路复用 > 信号驱动式 > 异步。',
        evidence:
          '等待 {later} 期间被占住：阻塞式 {blocking}，非阻塞式 {nonBlocking}，epoll {multiplexing}，SIGIO {signal}，aio {asynchronous}。',
      },
      heldWaiting: {
        says: '在第一阶段，多路复用和阻塞调用一样阻塞线程。',
        evidence: 'blocking、select、poll 和 epoll 至少占住线程 {held} 的时间；别的工作最多得到 {worked}。',
      },
      freeWaiting: {
        says: '非阻塞、信号驱动和异步 I/O 在第一阶段不占住线程。',
        evidence:
          '别的工作至少得到 {worked} 的时间。之后复制 {size}，SIGIO 占住线程 {signal}，aio 占住 {asynchronous}。',
      },
    },
    labels: {
      heldWaitingShare: '等待时被占住的时间比例',
      workedShare: '做别的工作的时间比例',
      heldCopying: '复制 64 KiB 时被占住',
    },
    checks: {
      whole: '每条消息都完整到达',
      waited: '没有消息在发送之前到来',
      noMoreThanAll: '被占住和做工作合计不超过全部时间',
    },
  },
  layers: {
    title: '分层，以及中间的界线',
    question: '进程与内核的界线在哪里：在传输层之上吗？哪些调用越过它？',
    method:
      '客户端连接一个除 listen 外什么也不调用的服务器套接字并发送，然后查看 TCP 的状态。再数一个进程用 epoll 服务一个连接、一条消息时的每次调用。',
    claims: {
      transportBelow: {
        says: '传输层及以下属于内核；用户进程在它之上。',
        evidence:
          '服务器没有任何调用，就建立了 {established} 个连接；发送的 {sent} 中有 {unacknowledged} 未被确认，{waiting} 已在服务器的套接字里等待。',
      },
      callsAcross: {
        says: '进程只能通过系统调用使用网络。',
        evidence: '一个连接、往返 {message}，用了 {kinds} 种共 {calls} 次调用：{names}。',
      },
    },
    labels: { callsMade: '一个连接、一条消息的调用（两端）' },
    checks: { sent: '客户端的消息被接收了', echoed: '消息完整返回', seen: '应有的调用都看到了' },
  },
}
