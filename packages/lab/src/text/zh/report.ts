/** `fivefold report` 和 `fivefold diff` 的文字，以及报告页面上的全部文字：简体中文。 */
import type { diffCommandEn, reportCommandEn, reportEn } from '../en/report.js'

export const reportCommandZh: typeof reportCommandEn = {
  usage: 'report [选项…]',
  summary: '把这里测得的一切写成一个独立的网页',
  about:
    '完成 compare、trace 和 claims 的测量，写出一个不依赖任何其他文件的 HTML：五种模型并排、每种机制的时间线、对比、各种说法及其证据、机器环境和全部数字。页面同时有英文和中文。',
  options: {
    output: '要写的文件：report.html（默认）',
    from: '不测量，使用 --json 保存的结果',
    quick: '快速运行：每项都少测一些',
    within: '过了这段时间就不再开始新的实验：3m',
    claims: '只做这些实验，用逗号分隔；none 表示都不做',
    json: '同时把结果保存到这个文件',
  },
}

export const diffCommandZh: typeof diffCommandEn = {
  usage: 'diff A.json B.json [--json]',
  summary: '把两台机器、两个内核或两个版本并排比较',
  about:
    '比较两个结果文件（`report --json` 或 `compare --json` 所写）：机器有何不同，双方的每个数字和它们的倍数，以及改变了的结论。差别小于单次运行自身的波动时，不算差别。',
  options: { json: '输出 JSON' },
}

export const reportZh: typeof reportEn = {
  errors: {
    noResults: (path) => `${path} 里没有 fivefold 的结果：请用 fivefold report --json FILE 生成`,
    needsTwo: 'diff 需要两个结果文件',
  },
  parts: {
    compare: '所有机制承受同样的负载',
    traces: '一条消息经过每种机制',
    claims: '检验各种说法',
  },
  written: (path) => `报告：${path}`,

  language: '语言',
  itself: '简体中文',
  contents: '目录',
  skip: '跳到正文',
  title: '五种 I/O 模型实测',
  subtitle: (kernel, cpu) => `Linux 内核 ${kernel} · ${cpu}`,
  measured: (date) => `测量于 ${date}`,
  numbers: '数字',
  numbersOf: (what) => `数字：${what}`,
  scrolls: '图较宽，可以左右滚动',
  missing: '这一项没有测量。',
  troubles: '测量中出现的问题',

  layers: {
    osi: 'OSI 模型',
    suite: '网际网协议族',
    upper: ['应用层', '表示层', '会话层'],
    lower: ['传输层', '网络层', '数据链路层', '物理层'],
    application: '应用层',
    device: '设备驱动程序和硬件',
    process: '用户进程',
    kernel: '内核',
  },

  sections: {
    models: '五种模型',
    timelines: '时间线',
    compare: '负载之下',
    claims: '检验说法',
    environment: '机器环境',
    raw: '全部数字',
  },

  phases: {
    title: '每种模型如何处理一条消息：阶段 1 等待，阶段 2 拷贝',
    about: (times) =>
      `在本机上实际追踪的一条消息：应用程序等待时，由另一个进程发出。每个条形从该阶段开始处画起；横线是消息发出的时刻。等待用线性刻度；其后的部分短上千倍，用对数刻度。${
        times > 1 ? `每种机制追踪 ${times} 条消息，画的是居中的一条。` : ''
      }`,
    waits: '等待',
    waitsIn: '等待所在',
    sent: '发出',
    copyBegins: '开始拷贝',
    total: '发出到处理函数',
    atOnce: '立即',
    phase1: '等待数据',
    phase2: '拷贝到进程',
    zones: { wait: '等待', notice: '从发出到开始拷贝', copy: '拷贝' },
    kinds: {
      held: '占住：该操作的调用没有返回',
      checking: '轮询：反复询问（EAGAIN）',
      free: '自由：会得到通知；它睡眠只是因为没有别的事',
      copying: '被拷贝数据的调用占住',
      copied: '应用程序没有拷贝数据的调用：完成之后它才得知',
    },
    reading: {
      held: (models) => `阶段 1 中，使用 ${models} 时应用程序被没有返回的调用占住。`,
      checking: (model, times) => `使用 ${model} 时，消息到来之前它徒劳地询问了 ${times} 次。`,
      free: (models) => `阶段 1 中，使用 ${models} 时操作本身没有占住应用程序：它会得到通知。`,
      notCopying: (models) => `使用 ${models} 时，应用程序没有拷贝数据的调用：完成之后它才得知。`,
      copy: (least, model, most, other) => `拷贝用时从 ${least}（${model}）到 ${most}（${other}）。`,
    },
    columns: {
      model: '模型',
      mechanism: '机制',
      protocol: '协议',
      wait: '等待 µs',
      first: '阶段 1',
      call: '在哪个调用中',
      notice: '发出到拷贝 µs',
      copy: '拷贝 µs',
      second: '阶段 2',
      copier: '由谁拷贝',
      hand: '拷贝到处理函数 µs',
    },
    holds: { held: '占住', checking: '轮询', free: '自由' },
    copies: { held: '自己的调用', free: '没有自己的调用' },
  },

  timelines: {
    about:
      '应用程序为一条消息所做的每个调用，连同参数和结果：左边是应用程序，右边是内核，时间向下。在内核允许的地方，它自己的跟踪点与我们的时间戳并列。',
    choose: '机制',
    event: '事件',
    result: '结果',
    from: '始 µs',
    to: '终 µs',
    kernel: '内核所见 µs',
    agreement: '我们的时间戳与内核相符的程度',
  },

  measures: {
    rate: '每秒消息数',
    reads: '每秒读取数',
    median: '延迟中位数，µs',
    tail: '延迟第 99 百分位，µs',
    cpu: '每条消息的 CPU，µs',
    cpuOfReads: '每次读取的 CPU，µs',
    calls: '每条消息的系统调用数',
    callsOfReads: '每次读取的系统调用数',
    idle: '等待时的 CPU，占一个处理器的 %',
    threads: '线程数',
    memory: '每个连接的内存，KiB',
    connections: '连接数',
    user: '用户态',
    system: '内核态',
    done: '有结果',
    again: '返回 EAGAIN',
    spread: '细线：所测时间中最慢和最快的五分之一。',
    mechanism: '机制',
  },
  scaling: (protocol) => `${protocol}：随连接数增长`,

  claims: {
    about:
      '教科书和笔记关于五种模型的说法，逐一用测量检验；测量先检验自身。结论由本机的数字得出；换一个内核可能不同。',
    checks: '测量的自检',
    passed: '通过',
    failed: '未通过',
    seconds: (seconds) => `测量用时 ${seconds} 秒`,
    leftOut: '时间已到而没有开始的实验（可用 `fivefold claims NAME` 单独运行）：',
    extrapolated: (label) => `${label}（外推）`,
  },

  environment: { about: '没有它，数字就没有意义。' },
  raw: {
    about: '本页的一切都来自这些结果；文件可供 `fivefold report --from` 和 `fivefold diff` 读取。',
    download: '下载结果（JSON）',
  },

  diff: {
    machines: '机器的不同之处',
    same: '已知的机器信息没有不同。',
    numbers: '数字',
    verdicts: '改变了的结论',
    noVerdicts: '没有结论改变。',
    field: '字段',
    load: '负载',
    measure: '测量项',
    factor: 'B/A 倍数',
    within: '在波动之内',
    none: '两个文件没有共同的负载。',
  },
}
