/** 关于信号驱动式 I/O 的实验。 */
import type { signalsClaims as english } from '../../en/claims/signals.js'

export const signalsClaims: typeof english = {
  'signal-queue': {
    title: '数据报很多，信号很少',
    question: '每个数据报都有一个信号吗？来的比能排队的多时怎么办？',
    method:
      '向一个设了 O_ASYNC、信号被阻塞的套接字发一百个数据报，然后数等待中的信号：SIGIO、实时信号，以及只有 20 个位置的实时信号（RLIMIT_SIGPENDING）。',
    claims: {
      oneForMany: {
        says: 'SIGIO 会合并：一个信号代表许多数据报，所以处理函数必须读到没有为止。',
        evidence: '{datagrams} 个数据报产生了 {signals} 个信号。',
      },
      realtimeEach: {
        says: '实时信号会排队：每个数据报一个，并且说明是哪个描述符。',
        evidence: '{datagrams} 个数据报产生了 {signals} 个指明描述符的信号。',
      },
      overflowLoses: {
        says: '实时信号队列满时，内核改发普通的 SIGIO，不指明描述符。',
        evidence:
          '只有 {limit} 个位置时，{datagrams} 个数据报产生了 {named} 个指明描述符的信号和 {plain} 个普通 SIGIO。',
      },
    },
    labels: { signals: '100 个数据报产生的信号', realtime: '实时信号', limited: '实时信号，20 个位置' },
    checks: { allArrived: '所有数据报都到达了', someRaised: '确实产生了信号' },
  },
  'signal-handler': {
    title: '处理函数运行时，谁在运行',
    question: '信号处理函数运行时程序怎样了？处理函数能调用 recvfrom 吗？没有处理函数又如何？',
    method:
      '线程睡在另一个套接字的 recv 中时的 C 处理函数；线程计算 100 毫秒时的 JavaScript 处理函数；要求 SIGIO 却没有处理函数的进程。',
    claims: {
      handlerInterrupts: {
        says: '处理函数在程序中途运行：线程正睡着的调用被打断。',
        evidence: 'recv 在 {after} 后以 {answer} 结束；引发信号的数据报在 {sent} 后发给了另一个套接字。',
      },
      handlerReceives: {
        says: '信号处理函数自己调用 recvfrom 取走数据。',
        evidence: '它在主线程中取走了 {received}；但主线程在计算 {computed}，它在数据报之后 {late} 才运行。',
        when: '处理函数可以调用任何函数。在 Node 中它由事件循环调用，而不是内核，要等轮到它。',
      },
      defaultKills: {
        says: '要求 SIGIO 却没有处理函数的进程，会被第一个数据报杀死。',
        evidence: '1 个进程中有 {processes} 个被 {signal} 结束。',
      },
    },
    labels: {},
    checks: { slept: '调用一直睡到数据报到来', handlerRan: '处理函数运行了' },
  },
  'start-or-done': {
    title: '“可以开始了”还是“已经完成”',
    question: '进程得到通知的那一刻，字节在哪里：还在套接字里，还是已在缓冲区里？',
    method:
      '一个 64 字节的数据报。在取得 SIGIO、epoll_wait 返回、处理 aio_read 的信号、或完成项进入环的那一刻，查看缓冲区和套接字。',
    claims: {
      signalStarts: {
        says: '信号驱动：信号告诉进程可以开始读了。',
        evidence: '取得 SIGIO 时，缓冲区里有 {buffer}，套接字里有 {socket}。',
      },
      epollAsynchronous: {
        says: 'epoll 是异步 I/O。',
        evidence: 'epoll_wait 返回时，缓冲区里有 {buffer}，套接字里有 {socket}：还得由进程来复制。',
      },
      aioDone: {
        says: '异步（aio_read）：信号告诉进程已经完成。',
        evidence: '处理 aio_read 的信号时，缓冲区里有 {buffer}，套接字里有 {socket}。',
      },
      uringDone: {
        says: '异步（io_uring）：完成项告诉进程已经完成。',
        evidence: '完成项进入环时，缓冲区里有 {buffer}，套接字里有 {socket}。',
      },
    },
    labels: { inBuffer: '得到通知时缓冲区里的字节' },
    checks: { wholeMessage: '每种方式最后都得到了整条消息' },
  },
}
