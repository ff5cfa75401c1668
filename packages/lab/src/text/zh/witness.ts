/** 追踪的第二位证人（内核自己的跟踪点）及其时间线图。 */
import type { Text } from '../language.js'

const count = (value: number) => value.toLocaleString('en')

export const witness: Text['witness'] = {
  file: '文件',
  ours: '时间戳 µs',
  theirs: '内核 µs',
  passes: (time) => `经过 ${time}`,
  states: {
    running: '运行',
    polling: '轮询：一遍又一遍地问',
    asleep: '睡眠：处理器让给别人',
    runnable: '等待处理器',
  },
  boundaries: {
    'wait-begins': '发出等待的调用',
    'data-arrives': '消息到达',
    'wait-ends': '等待的调用返回',
    'copy-begins': '发出拷贝的调用',
    'copy-ends': '数据拷贝完成',
    'stamp-ready': '库的时间戳：就绪',
    'stamp-copied': '库的时间戳：拷贝完成',
  },
  because: (where, why) => `“${where}”相差更多的原因：${why}。`,
  causes: {
    'way-back': '调用睡眠过，处理器的缓存已被别人占用，从内核回到 JavaScript 的路变长',
    handler: '调用返回之前先运行了信号的处理函数',
    'told-later': '拷贝由别人完成，之后才通知应用程序',
    network: '这是消息在内核中传送的时间',
    library: '库查到报告对应的操作之后才打时间戳',
  },
  tells: {
    dataReady: '数据已进入接收队列',
    wokenApplication: '唤醒应用程序',
    wokenThread: (thread) => `唤醒线程 ${thread}`,
    generated: (signal) => `产生 ${signal}`,
    delivered: (signal) => `递送 ${signal}`,
    helper: (call, result) => `另一个线程：${call} = ${result}`,
    ringSubmit: (operation) => `从队列取走 ${operation}`,
    ringArmed: (operation) => `${operation}：等待数据`,
    ringTask: (operation) => `${operation}：交给它的线程`,
    ringWorker: (operation) => `${operation}：交给内核线程`,
    ringComplete: (result) => `把结果 ${result} 放进完成队列`,
    diskAsked: '向设备请求数据',
    diskDone: '设备已交付数据',
  },
  facts: {
    fromAsking: (time) => `从发出请求到应用程序的处理函数拿到：${time}。`,
    agree: (worst, target, repeats) =>
      `我们的时间戳与内核的跟踪点一致：${count(repeats)} 条消息的中位数最多相差 ${worst} µs（目标 ${count(target)} µs）。`,
    disagree: (where, worst, target, repeats, why) =>
      `“${where}”：我们的时间戳与内核的跟踪点相差 ${worst} µs（${count(repeats)} 条消息的中位数，目标 ${count(target)} µs）${why === '' ? '' : `：${why}`}。`,
    why: (reason) => `没有显示内核自己的跟踪点：${reason}。`,
    missing: (events) => `这个内核没有这些事件：${events}。`,
    lost: (events) => `内核的 ${count(events)} 个事件没有存下，是最早的那些。`,
    unseenBoundary: '两个阶段都在同一个调用里，只有内核能把它们分开：这里全部算作阶段 1。',
  },
  reasons: {
    'not-mounted': 'tracefs 没有挂载（mount -t tracefs nodev /sys/kernel/tracing）',
    'no-right': '只有超级用户才能读取（请用 root 运行）',
    'no-events': '这个内核编译时没有包含系统调用的事件',
    'other-numbers': '其中没有这次追踪的进程：它运行在自己的 PID 名字空间里',
  },
  noFiles: (model, able) =>
    `${model} 不能等待文件：普通文件总是就绪（select 和 poll 立即这样回答，epoll 以 EPERM 拒绝，也不会产生信号）。能读文件的有：${able}`,
  badRepeat: (value) => `“${value}”不是 1 到 1000 之间的重复次数`,
  allTakesNone: '--all 追踪每一种机制：不要再写机制的名字',
  svgOfOne: '--svg 只画一种机制：请写出它的名字，不要写 --all',
  wrote: (path) => `已画到 ${path}`,
  table: {
    about: (repeats) =>
      `我们的时间戳与内核的跟踪点相差多少，单位 µs：${count(repeats)} 条消息的中位数，不计正负。判断只看阶段的边界；库自己的操作时间戳列在旁边。`,
    columns: {
      model: '机制',
      protocol: '协议',
      'wait-begins': '等待\n开始',
      'data-arrives': '数据\n到达',
      'wait-ends': '等待\n结束',
      'copy-begins': '拷贝\n开始',
      'copy-ends': '拷贝\n结束',
      'stamp-ready': '时间戳\n就绪',
      'stamp-copied': '时间戳\n拷贝',
      verdict: '在 20 µs\n以内',
    },
  },
}
