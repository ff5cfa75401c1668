/** 关于服务器代价的实验。 */
import type { costsClaims as english } from '../../en/claims/costs.js'

export const costsClaims: typeof english = {
  'thread-per-connection': {
    title: '每个连接一个线程',
    question: '每个连接一个线程的服务器，与多路复用的相比要多少资源？它能支撑数万个连接吗？',
    method:
      '同一个回显服务器分别用阻塞模型和 epoll，连接数逐渐增加，每个连接都发送。统计线程、常驻内存、上下文切换，以及全部得到一次回答的时间。这里的线程是 Worker，自带 JavaScript 引擎；C 的线程占用更少。超过最大实测数的一律是外推，并且注明。',
    claims: {
      threadEach: {
        says: '不用多路复用，服务器就需要为每个连接准备一个线程。',
        evidence:
          '{connections} 个连接：阻塞调用多了 {threads} 个线程，epoll 多了 {epoll} 个；每个线程占 {each}。',
      },
      switches: {
        says: '线程多，上下文切换就多。',
        evidence: '{connections} 个连接时每条消息的上下文切换：每连接一线程 {threads} 次，epoll {epoll} 次。',
      },
      startUp: {
        says: '启动线程要花时间，多路复用则不用。',
        evidence:
          '全部得到回答的时间：每连接一线程，{few} 个连接 {threadsFew}，{many} 个连接 {threads}；epoll {many} 个连接 {epoll}。',
      },
      tensOfThousands: {
        says: '有了多路复用，服务器能支撑数万个连接；每连接一线程则不能。',
        evidence:
          '从 {measured} 个外推到 {many} 个连接：每连接一线程需要 {threads}，epoll 需要 {epoll}；本机有 {memory}。',
      },
    },
    labels: {
      memory: '服务器的常驻内存（虚线为外推）',
      startUpTime: '所有连接都得到回答的时间',
      connections: '连接数',
      resident: '内存',
      untilAnswered: '时间',
      threads: '每连接一线程',
    },
    checks: { allAnswered: '每条消息都得到了回答', memorySeen: '服务器的内存有增长' },
  },
  'short-lived': {
    title: '只传一条消息的连接',
    question: 'epoll_ctl 的代价大到使 epoll 不适合短连接吗？',
    method:
      '每个连接只带来一条消息，另一些带来一百条；对服务器的每个调用计时：accept、epoll_ctl、epoll_wait、recv、send、close。',
    claims: {
      controlCostly: {
        says: '短连接很多时，epoll_ctl 使 epoll 变得昂贵。',
        evidence:
          '服务器每个连接的 {ofCalls} 次调用中有 {calls} 次是 epoll_ctl：{server} 中的 {control}，即 {part}；每个连接 {messages} 条消息时是 {long}。',
        when: '一个连接只带来一两条消息；即便如此，连接的其余部分代价更大。',
      },
    },
    labels: {
      controlShare: 'epoll_ctl 在服务器调用时间中的份额',
      oneMessage: '每个连接一条消息',
      manyMessages: '每个连接 100 条消息',
    },
    checks: {
      allAnswered: '每条消息都得到了回答',
      partOfWhole: 'epoll_ctl 占了一部分时间，而不是全部',
    },
  },
  efficiency: {
    title: '效率的顺序',
    question: '教科书给出的五种模型的效率顺序对吗：连接少和多、消息小和大，按吞吐量、CPU 和延迟？',
    method:
      '与 `fivefold compare` 相同的测量：回显服务器进程和负载发生器走回环，各占一个处理器，每个字节都核对。吞吐量和 CPU 在所有连接都活跃、或只有斜线前那么多个活跃时测量，延迟在只有一个活跃时测量。相差不到 10 % 的视为相同。',
    claims: {
      order: {
        says: '效率由低到高：阻塞式 < 非阻塞式 < 多路复用 < 信号驱动式 < 异步。',
        evidence:
          '{compared} 次比较中，这个顺序有 {holding} 次正确。{regime} 时每条消息的 CPU：阻塞式 {blocking}，非阻塞式 {nonBlocking}，epoll {multiplexing}，SIGIO {signal}，io_uring {asynchronous}。',
        when: '只看这些：{where}。',
      },
      asynchronousFirst: {
        says: '异步 I/O 效率最高。',
        evidence:
          '{regimes} 种负载中，io_uring 有 {first} 种每条消息的 CPU 最少，或最多多 10 %。最省的：{cheapest}。',
        when: '异步指 io_uring，而且负载是 {where}。',
      },
      aioToo: {
        says: 'POSIX aio 是异步的，所以比多路复用效率高。',
        evidence: '{regime} 时每条消息的 CPU：aio {aio}，epoll {epoll}（{ratio}）。',
      },
    },
    labels: { rate: '每秒消息数', cpu: '每条消息的 CPU', latency: '延迟，一个活跃（中位数）' },
    checks: { noErrors: '每个字节都正确返回', activeAsMeant: '活跃的连接数与设定的相同' },
  },
}
