/** 关于 select、poll 和 epoll 的实验。 */
import type { multiplexingClaims as english } from '../../en/claims/multiplexing.js'

export const multiplexingClaims: typeof english = {
  'one-at-a-time': {
    title: '一次一个，还是多个',
    question: '阻塞调用一次只服务一个描述符吗？select、poll 和 epoll 能等待多个描述符、并且限时等待吗？',
    method:
      '两个套接字，第二个一开始就有数据，第一个在 80 毫秒之后才有。先对第一个做阻塞的 recv；然后由 select、poll、epoll 同时等待两个。最后一次等待 40 毫秒，什么也不会来。',
    claims: {
      blockingOne: {
        says: '阻塞调用一次只服务一个描述符：其他已就绪的只能等。',
        evidence:
          '一开始就在的数据等了 {blocking} 才被读到，那时另一个套接字的数据（{later}）才来；多路复用在 {multiplexed} 内就读到了。',
      },
      multiplexerMany: {
        says: 'select、poll 和 epoll 同时等待多个描述符中的任何一个。',
        evidence:
          '{names}：{descriptors} 个描述符中只报告了就绪的那个，并在 {ready} 内得到服务；另一个的事件最迟在 {event} 结束了原定 {long} 的等待。',
      },
      multiplexerTimeout: {
        says: '什么也不来时，select、poll 和 epoll 等到超时为止。',
        evidence: '{names}：要求等待 {asked}，在 {shortest} 到 {longest} 之后返回 0。',
      },
    },
    labels: { readyWaits: '已就绪的数据等了多久才被读到' },
    checks: { bothServed: '两个字节都被读到', sentLater: '晚到的字节确实晚发' },
  },
  'select-limit': {
    title: 'select 的 1024',
    question: '不重新编译任何东西，select 能监视超过 1024 个描述符、以及 1023 以上的编号吗？',
    method:
      '把一个套接字复制到很大的编号，再复制另外 1500 个，然后用足够长的集合调用 select(2)：套接字有数据之前一次，之后一次。',
    claims: {
      select1024: {
        says: 'select 最多监视 1024 个描述符；要更多就得重新编译内核或库。',
        evidence:
          '对 {watched} 个描述符（最大编号 {highest}）调用 select，报告了就绪的 {answer} 个。集合占 {set}；fd_set 的 {libc} 是 C 库的一个类型，不是内核的限制。',
      },
    },
    labels: {},
    checks: { nothingBefore: '有数据之前什么也没有报告', aboveLimit: '编号和数量都超过 1024' },
  },
  'time-resolution': {
    title: '等待能有多精细',
    question: 'select 的超时比 poll 和 epoll 更精细，因此实时程序必须用 select 吗？',
    method:
      '用各种调用轮流等待 10 微秒到 1 毫秒，什么也不会来；取实际结束时间的中位数。一次用通常的 50 微秒定时器松弛，一次用 1 纳秒。',
    claims: {
      selectFinest: {
        says: 'select 的超时精度最高（1 纳秒），poll 和 epoll 是 1 毫秒：实时场合要用 select。',
        evidence:
          '要求 {asked}，select 在 {select} 后醒来；{others} 中最快的在 {other} 后醒来。select 以微秒计，不是纳秒。',
      },
      pollWholeMilliseconds: {
        says: 'poll 和 epoll_wait 的超时以整毫秒计。',
        evidence:
          '想等 {asked} 时，能要求的最短时间让 poll 在 {poll} 后、epoll_wait 在 {epoll} 后醒来。以纳秒计的 ppoll 在 {ppoll} 后醒来。',
      },
      slackDecides: {
        says: '短暂的等待晚多久结束，取决于线程的定时器松弛，与用哪个调用无关。',
        evidence:
          'select 要求 {asked}：松弛为 {slack} 时在 {usual} 后醒来，松弛为 1 纳秒时在 {least} 后；ppoll 和 epoll_pwait2 也同样提前。',
      },
    },
    labels: { ladder: '等待实际何时结束', asked: '要求的时间', woke: '醒来的时间（中位数）' },
    checks: { timeWasUp: '每次等待都因超时而结束', noneEarly: '没有等待提前结束' },
  },
  'poll-array': {
    title: 'poll 写回什么',
    question: 'pollfd 是链表吗？poll 不改动传给它的内容吗？select 呢？',
    method:
      '在每个 revents 中填入图案，调用 poll(2)，比较字节；再把同样的字节放到别处交给 poll。然后对同样的描述符调用 select(2)，其中三个就绪。',
    claims: {
      pollWritesNothing: {
        says: 'poll 不会修改传给它的描述符。',
        evidence:
          '{entries} 个条目、其中 {ready} 个就绪：写了 {revents} 个 revents，改了 {asked} 个 fd 或 events。',
        when: '只指 fd 和 events：所问的不变，答案写在旁边。',
      },
      pollList: {
        says: 'poll 的描述符是链表，因此没有数量限制。',
        evidence: '{entries} 个条目各 {size}，并排放在 {memory} 中；同样的字节换个位置意思不变。它是数组。',
      },
      selectOverwrites: {
        says: 'select 会改写它的集合和时间：每次调用都要重新设置。',
        evidence: '{wanted} 位中剩下 {left} 位，即就绪的那些；要求等待的 {asked} 被写回为 {rest}。',
      },
    },
    labels: {},
    checks: { pollFound: 'poll 找到了就绪的描述符', selectFound: 'select 找到了就绪的描述符' },
  },
  'copied-per-wait': {
    title: '每次等待复制多少',
    question: '描述符增多时，每次等待在进程和内核之间传递多少字节？',
    method:
      '把参数放在一段映射的末尾，内核再往后就什么也找不到（EFAULT）。使调用成功的最小内存就是它触及的内存。有一个描述符就绪。',
    claims: {
      epollOnce: {
        says: 'epoll 只传入一次描述符；每次等待只复制就绪的。',
        evidence:
          '{few} 个描述符时 epoll_wait 触及 {touchedFew}，{many} 个时触及 {touchedMany}，而可用空间有 {room}。',
      },
      othersEveryTime: {
        says: 'select 和 poll 每次调用都要复制整个集合。',
        evidence:
          '从 {few} 到 {many} 个描述符：select 从 {selectFew} 到 {selectMany}，poll 从 {pollFew} 到 {pollMany}（每个 {entry}），还要写回答案。',
      },
    },
    labels: { copied: '每次等待触及的内存，一个就绪', descriptors: '描述符', bytesPerWait: '字节' },
    checks: { foundReady: '每个调用都找到了就绪的那个', guardWorks: '内存不够会被发现' },
  },
  'edge-level': {
    title: '边缘触发与水平触发',
    question: '边缘触发的 epoll 比水平触发快吗？它必须用非阻塞套接字吗？少读一点会留下什么？',
    method:
      '同样的消息各走一遍并数调用次数；一个始终为真的关注；只读四分之一条消息后再等一次；把 EPOLLET 用于阻塞套接字。',
    claims: {
      edgeFaster: {
        says: '边缘触发比水平触发快。',
        evidence:
          '每条消息的调用次数：水平 {level}，边缘 {edge}（必须读到 EAGAIN）；CPU 分别为 {levelCpu} 和 {edgeCpu}。始终注册 EPOLLOUT 时，{waits} 次等待分别被唤醒 {levelAwake} 次和 {edgeAwake} 次。',
        when: '注册了几乎始终为真的关注（如 EPOLLOUT），或者有意留下数据不读。',
      },
      edgeNonBlockingOnly: {
        says: '边缘触发的 epoll 只支持非阻塞套接字。',
        evidence:
          '一个阻塞套接字：以 EPOLLET 注册成功 {registered} 次，得到报告 {reported} 次。没有什么强制要求非阻塞；只是读到 EAGAIN 为止会阻塞。',
      },
      edgeShortRead: {
        says: '边缘触发时，读得太少就不会再得到通知：连接会卡住。',
        evidence: '套接字里还剩 {rest}；下一次等待，边缘触发通知了 {edge} 次，水平触发通知了 {level} 次。',
      },
    },
    labels: {
      level: '水平触发',
      edge: '边缘触发',
      callsPerMessage: '每条消息的调用次数',
      awake: '100 次等待中被 EPOLLOUT 唤醒的次数',
    },
    checks: { allReceived: '每条消息的每个字节都收到了', restThere: '消息的剩余部分还在' },
  },
  'closed-descriptor': {
    title: '关闭 epoll 正在监视的描述符',
    question: '另一个线程关闭了 epoll 正在监视的描述符，结果有明确定义吗？',
    method:
      '一个线程睡在 epoll_wait 里时，另一个线程关闭被监视的套接字；然后对端发送数据。一次没有副本，一次有副本（如 fork 或 dup 之后）。',
    claims: {
      closeRemoves: {
        says: '用 epoll 时，在另一个线程中关闭描述符有明确的结果：它会被忘掉。',
        evidence:
          '关闭之后，没有副本时来了 {alone} 个事件，有副本时来了 {duplicated} 个；移除这个已失效的编号得到 {remove}。',
        when: '任何地方都没有它的副本：epoll 监视的是打开的文件，不是编号。',
      },
    },
    labels: {},
    checks: { quietBefore: '对端发送之前什么也没有报告', reallyClosed: '编号确实空出来了' },
  },
  'wake-ups': {
    title: '一个连接唤醒谁',
    question: '四个线程等待同一个连接。不用 EPOLLEXCLUSIVE、用它、以及用 SO_REUSEPORT 时，谁会醒来？',
    method:
      '连接一个接一个到来，四个线程睡在 epoll_wait 中。统计：被连接结束的睡眠（上下文切换）、空手而归的次数、以及谁接受了连接。',
    claims: {
      herd: {
        says: '不用 EPOLLEXCLUSIVE 时，一个连接会唤醒所有等待者（惊群）。',
        evidence: '{threads} 个线程：每个连接唤醒 {wakeUps} 次，其中 {inVain} 次回到程序却什么也没有。',
      },
      exclusiveOne: {
        says: 'EPOLLEXCLUSIVE 能避免惊群。',
        evidence: '每个连接唤醒 {wakeUps} 次，而不是 {plain} 次；最忙的线程接受了其中的 {busiest}。',
      },
      reusePortSpreads: {
        says: 'SO_REUSEPORT 只唤醒一个线程，并把连接均匀分开。',
        evidence:
          '每个连接唤醒 {wakeUps} 次；最忙的线程接受了 {busiest}（用 EPOLLEXCLUSIVE 时 {exclusive}）。',
      },
    },
    labels: { wakeUps: '每个连接的唤醒次数', busiest: '四个线程中最忙者的份额' },
    checks: { allAccepted: '每个连接都被接受了', wakeUpsSeen: '每个连接都数到了唤醒' },
  },
  scaling: {
    title: '描述符越来越多',
    question: '描述符增多、少数就绪或全部就绪时，一次等待的代价是多少？从多少开始 epoll 更便宜？',
    method:
      'select、poll 和 epoll_wait 轮流对同样的套接字做零超时等待；计线程每次等待的 CPU 时间，包括 select 复制集合。先有四个就绪，再全部就绪。',
    claims: {
      linear: {
        says: 'select 和 poll 的代价随描述符数量增长：O(n)。',
        evidence:
          '从 {few} 到 {many} 个描述符，每次等待：select 从 {selectFew} 到 {selectMany}，poll 从 {pollFew} 到 {pollMany}。',
      },
      constant: {
        says: 'epoll 的代价不随描述符数量增长：O(1)。',
        evidence: '从 {few} 到 {many} 个描述符，就绪的一样多，每次等待：{epollFew} 到 {epollMany}。',
      },
      epollNeedsThousand: {
        says: '描述符少于约 1000 个时，epoll 比 select 和 poll 没有优势。',
        evidence:
          '{active} 个就绪时，从 {from} 个描述符起 epoll 最便宜；100 个时，另外两种中较好的耗时是它的 {at100}。',
      },
      activeDecides: {
        says: 'epoll 的优势取决于就绪的描述符有多少：越少越大。',
        evidence:
          '{many} 个描述符时，select 和 poll 中较好的耗时：{active} 个就绪时是 epoll 的 {few}，全部就绪时是 {all}。',
      },
    },
    labels: {
      fewActive: '每次等待的 CPU，四个就绪',
      allActive: '每次等待的 CPU，全部就绪',
      descriptors: '描述符',
      cpuPerWait: '每次等待的 CPU',
    },
    checks: {
      found: '每次等待都找到了所有就绪的',
      counted: '每次等待都用了一些时间',
      readyAsMeant: '就绪的数量符合设定',
    },
  },
}
