/** 简体中文。结构由英文版规定：缺一条、多一条，都不能通过编译。 */
import type { Text } from './language.js'
import { advise } from './zh/advise.js'
import { claimsCommandZh, claimsZh } from './zh/claims.js'
import { doctor } from './zh/doctor.js'
import { diffCommandZh, reportCommandZh, reportZh } from './zh/report.js'
import { serve } from './zh/serve.js'
import { witness } from './zh/witness.js'

const count = (value: number) => value.toLocaleString('en')

export const zh: Text = {
  yes: '是',
  no: '否',
  none: '–',
  comma: '，',
  count,
  bytes: (value) => `${count(value)} 字节`,
  list: (names) => names.join('、'),

  families: {
    blocking: '阻塞',
    'non-blocking': '非阻塞',
    multiplexing: '多路复用',
    'signal-driven': '信号驱动',
    asynchronous: '异步',
  },

  help: {
    usage: '命令 [选项…]',
    about:
      '在本机自己的内核上看 Linux 的五种 I/O 模型：哪些机制可用，处理一条消息时各自做了什么，同样的负载下各自的代价是多少。',
    commands: '命令',
    options: '选项',
    summary: '显示某个命令的用法',
    version: '显示版本号',
  },

  commonOptions: {
    help: '显示用法',
    lang: '输出的语言；默认取自 LC_ALL 或 LANG',
  },

  commands: {
    models: {
      usage: 'models [--json]',
      summary: '九种机制中哪些在这里可用，不可用的原因和办法',
      about: '逐一实际试用每种机制，列出哪些可用、其余为何不可用、怎样才能用。最后给出 auto 会选择哪一种。',
      options: { json: '输出 JSON' },
    },
    trace: {
      usage: 'trace MODEL|--all [选项…]',
      summary: '一条消息经过一种模型的全过程，逐步列出',
      about:
        '用一种模型接收一条消息，按顺序列出发生的事：应用程序调用了什么、参数和返回值、EAGAIN、信号、完成通知，以及从开始算起的时间。阶段 1 是等待数据，阶段 2 是把数据从内核拷贝到进程。消息由另一个进程在等待开始 10 毫秒之后发出。重复的调用只列一次，并注明次数。有两位证人：我们自己的时间戳，以及（超级用户可用）内核的跟踪点；并说明两者相差多少。',
      options: {
        protocol:
          'udp（默认，与教科书一致）、tcp、unix 或 file（不在内存中的文件）；收数据报要借用别的机制的模型默认用 tcp',
        repeat: '多少条消息，1 到 1000；显示居中的那一条',
        all: '这里可用的每一种机制：列表说明两位证人相差多少',
        svg: '画到这个文件',
        json: '输出 JSON',
      },
    },
    claims: claimsCommandZh,
    report: reportCommandZh,
    diff: diffCommandZh,
    compare: {
      usage: 'compare [选项…]',
      summary: '让每种模型承受同样的负载，并排比较',
      about:
        '让每种模型收发同样的消息：一个真实的服务器进程和一个真实的负载生成进程，经过回环网络，各占一个处理器，逐字节核对。然后用支持文件的模型随机读取一个真实的文件。某种模型做不到的项目留空，并给出原因。',
      options: {
        models: '只比较这些，用逗号分隔：epoll,io_uring',
        connections: '连接数，一个或多个：1,64,1000（默认）',
        size: '消息的字节数：64（默认）、4KiB、1MiB',
        duration: '每种负载测量多久：500ms、2s（默认）',
        protocol: 'tcp（默认）、unix 或 udp',
        file: '要读取的文件；默认使用临时文件',
        port: '服务器的端口；默认由内核选择',
        quick: '快速运行：64 个连接，每项时间较短',
        json: '输出 JSON',
      },
    },
    serve: serve.command,
    doctor: doctor.command,
    advise: advise.command,
  },

  claims: claimsZh,
  report: reportZh,

  errors: {
    unknownCommand: (name, known) => `没有命令“${name}”；可用的有：${known}, help`,
    unknownOption: (name) => `这里没有选项“${name}”；请看 --help`,
    needsValue: (name, value) => `${name} 需要一个值：${name} ${value}`,
    takesNoValue: (name) => `${name} 不带值`,
    tooManyArguments: (extra) => `多了一个参数“${extra}”`,
    missingModel: (known) => `哪种模型？可选：${known}`,
    unknownModel: (name, known) => `没有模型“${name}”；可用的有：${known}`,
    badChoice: (option, value, choices) => `${option} 只能是 ${choices} 之一，而不是“${value}”`,
    badDuration: (value) => `“${value}”不是 20ms 到 60m 之间的时长；请写成 500ms、2s 或 1m`,
    badSize: (value, most) => `“${value}”不是 1 到 ${count(most)} 字节之间的大小；请写成 64、4KiB 或 1MiB`,
    badConnections: (value) => `“${value}”不是连接数的列表；请写成 64 或 1,64,1000`,
    badPort: (value) => `“${value}”不是 0 到 65535 之间的端口`,
    portInUse: (port) => `端口 ${port} 已被占用；请换一个，或者不写 --port`,
    portForbidden: (port) => `没有特权不能使用端口 ${port}；请选 1023 以上的端口`,
    unavailable: (model, reason, cure) => `${model} 在这里不可用：${reason}. ${cure}`,
    tooFewDescriptors: (connections, needed, limit) =>
      `${count(connections)} 个连接大约需要 ${count(needed)} 个描述符，而上限是 ${count(limit)}；请提高上限（ulimit -n）或减少连接`,
    notWritten: (path, why) => `无法写入 ${path}：${why}`,
    fileMissing: (path) => `没有文件 ${path}`,
    fileForbidden: (path) => `没有读取 ${path} 的权限`,
    notAFile: (path) => `${path} 不是普通文件`,
    fileTooSmall: (path, least) => `${path} 太小：随机读取至少需要 ${count(least)} 字节`,
    fileUnreadable: (path, why) => `无法读取 ${path}：${why}`,
    wrongBytes: (errors) => `${count(errors)} 个错误：见上面的说明`,
    modelsFailed: (names) => `未能测量：${names}；原因见上`,
    noMessage: (model) => `消息没有及时到达 ${model}`,
    unanswered: (process, question, seconds) => `${process}在 ${seconds} 秒内没有回答“${question}”`,
    endedEarly: (process, how, why) => `${process}提前结束（${how}）${why === '' ? '' : `：${why}`}`,
  },

  models: {
    model: '机制',
    family: '模型',
    synchronous: '同步',
    files: '文件',
    available: '可用',
    remarks: '备注',
    borrows: (operations) => `${operations} 借用轮询器`,
    auto: (model) => `auto 在这里选择 ${model}。`,
    autoBecause: (model, refused) => `auto 在这里选择 ${model}：${refused} 不可用。`,
    nothingWorks: (reason) => `auto 找不到可用的机制：${reason}`,
  },

  compare: {
    steps: {
      start: '启动',
      connect: '建立连接',
      wait: '空闲等待',
      single: '一次一条消息',
      load: '满负载',
      count: '统计调用次数',
      hold: '能保持多少连接',
    },
    cell: (model, protocol, connections) => `${model} · ${protocol} · ${count(connections)}`,
    fileCell: (model) => `${model} · 文件`,
    about: (protocol, connections, size) => `${protocol}，${count(connections)} 个连接，每条消息 ${size}`,
    aboutFiles: (path, size, inFlight) =>
      `读文件：从${path}的随机位置每次读 ${size}，同时进行 ${inFlight} 个`,
    temporaryFile: '临时文件',
    columns: {
      model: '机制',
      rate: '消息数\n每秒',
      reads: '读取数\n每秒',
      latency: '延迟 µs\np50/p99',
      cpu: 'CPU µs\n用户+系统',
      calls: '调用/\nEAGAIN',
      switches: '切换\n主动/被动',
      idle: '空闲\nCPU',
      threads: '线程\n',
      memory: 'KiB\n每连接',
      most: '最多\n连接',
    },
    reasons: {
      tooManyWaiting: (most, needed) =>
        `最多同时有 ${count(most)} 个操作在等待，而这里需要 ${count(needed)} 个`,
      notConnected: (open, wanted, why) => `${count(wanted)} 个连接只建立了 ${count(open)} 个：${why}`,
      noSamples: '没有一条消息返回',
      fewSamples: (samples) => `p99 只来自 ${count(samples)} 个样本`,
      oneSocketForAll: '一个套接字服务所有对端',
      oneConnection: '一个连接看不出来',
      withinNoise: '小于进程内存自身的起伏',
      files: '读文件没有连接',
      callsUnseen: '调用次数至少如此：glibc 的 aio 线程还有别的调用（futex、信号），这里统计不到',
      needsDescriptors: (needed, limit) => `大约需要 ${count(needed)} 个描述符，而上限是 ${count(limit)}`,
    },
    complaints: {
      failed: (what) => what,
      library: (what) => what,
      ownLimit: (what) => `${what}（负载生成进程自身的上限）`,
      noAnswer: (what) => `第 ${what} 个连接没有回答`,
      closed: () => '服务器关闭了连接',
      wrong: (what) => `位置 ${what} 的字节不对`,
      extra: () => '收到的字节比发出的多',
      missing: () => '有消息没有返回',
      single: () => '单独发送的消息没有返回',
      lost: () => '数据报丢失',
      late: () => '数据报字节不对，或来得太晚',
      short: (what) => `只读到 ${what} 字节`,
      stuck: () => '有一次读取始终没有完成',
    },
    complaint: (what, times) => (times === 1 ? what : `${what}（${count(times)} 次）`),
    processes: {
      server: (model) => `${model} 服务器`,
      generator: '负载生成进程',
      reader: (model) => `${model} 读取进程`,
      receiver: (model) => `${model} 接收进程`,
    },
    notes: '说明',
    reading: '解读',
    environment: '环境',
    note: (model, what) => `${model}：${what}`,
    errorsNote: (model, errors, what) => `${model}：${count(errors)} 个错误：${what}`,
    generatorBound: (models, share) =>
      `${models}：负载生成进程有 ${share} 的时间在忙，它才是瓶颈；服务器还能做得更多。`,
    legend: [
      '消息数：闭环，每个连接同时只有一条消息在途；这里测的只是容量。',
      '延迟：向等待中的服务器一次发一条消息，从发送之前到服务器的处理函数拿到数据为止。',
      'CPU、调用、切换：每条消息，整个服务器进程合计。主动：自己等待；被动：被抢占。',
      '空闲 CPU：占一个处理器的比例，此时所有连接都打开而无事可做。',
    ],
    legendFiles: ['延迟：一次只读一块，从提出请求到完成为止。文件在页缓存中。'],
    legendFewSamples: '~：p99 的样本不足 10,000 个。',
    legendMost: (held) =>
      `最多连接：最先碰到的上限（描述符、线程、内存）；这里实际同时保持了最多 ${count(held)} 个，每个都有应答。`,
    findings: {
      unsteady: (models, spread) =>
        `${models} 的速率在一次运行中波动达 ${spread}：机器上另有负载，不能据此排名。请在空闲的机器上再测。`,
      noDifference: (models, rate, spread) =>
        `${models} 大致相同（${rate}/秒）：差别小于单次运行自身的波动（${spread}）。`,
      fastest: (model, rate, times, slowest) => `${model} 最快，${rate}/秒，是 ${slowest} 的 ${times} 倍。`,
      cheapest: (model, micros, dearest, dearestMicros, reads) =>
        `${reads ? '每次读取' : '每条消息'}耗费 CPU 最少的是 ${model}（${micros} µs），最多的是 ${dearest}（${dearestMicros} µs）。`,
      quickest: (model, micros, slowest, slowestMicros) =>
        `消息到达等待中的 ${model} 用 ${micros} µs（中位数）；${slowest} 用 ${slowestMicros} µs。`,
      quickestRead: (model, micros, slowest, slowestMicros) =>
        `单独一次读取，${model} 用 ${micros} µs（中位数）；${slowest} 用 ${slowestMicros} µs。`,
      burns: (models, share, most) =>
        `无事可做时，${models} 占用一个处理器的 ${share}；其余都不超过 ${most}。`,
      burnsAll: (models, share) => `无事可做时，${models} 占用一个处理器的 ${share}。`,
      allRest: (most) => `无事可做时，各种机制占用一个处理器都不超过 ${most}。`,
      threads: (model, threads, connections) =>
        `${model} 为 ${count(connections)} 个连接增加了 ${count(threads)} 个线程。`,
      busy: (share) => `运行期间其他程序占用了处理器的 ${share}：这些数字只能算排练，不能算结果。`,
      caution: '每项只运行一次，只在这台机器上，只经过回环网络：换一天或换一台机器，数字会不同。',
    },
    machine: {
      system: (kernel, libc) => `Linux ${kernel}，${libc}`,
      cpu: (cpu, cores, virtual) => `${cpu}，${cores} 个处理器${virtual ? '，虚拟机' : ''}`,
      clock: (governor, boost, clock) => `调速 ${governor}，睿频 ${boost}，时钟 ${clock}`,
      unknown: '未知',
      pinned: (server, generator) => `服务器在处理器 ${server} 上，负载生成在 ${generator} 上`,
      notPinned: (reason) => `没有绑定处理器：${reason}`,
      oneProcessor: '只有一个',
      mitigations: (list) => `漏洞缓解：${list}`,
      noMitigations: '无',
      limits: (files, signals, locked) =>
        `上限：${files} 个描述符，${signals} 个排队信号，${locked} 字节锁定内存`,
      kernelSettings: (slack, congestion, somaxconn, uring) =>
        `定时器松弛 ${slack} ns，TCP ${congestion}，somaxconn ${somaxconn}，io_uring_disabled ${uring}`,
      load: (average, others) => `运行前的平均负载：${average}；期间其他程序占用了处理器的 ${others}`,
      software: (version, commit, node, koffi) =>
        `fivefold ${version}${commit === '' ? '' : `（${commit}）`}，Node ${node}，koffi ${koffi}`,
      command: (line, date) => `${line} · ${date}`,
    },
  },

  witness,
  serve: serve.says,
  doctor: doctor.says,
  advise: advise.says,

  trace: {
    title: (model, kind, protocol, message) => `${model} · ${kind} · ${protocol} · 一条 ${message}的消息`,
    synchronous: '同步',
    asynchronous: '异步',
    time: 'µs',
    application: '应用程序',
    kernel: '内核',
    phase1: '阶段 1',
    phase1Does: '等待',
    phase2: '阶段 2',
    phase2Does: '拷贝',
    thread: (number) => `线程 ${number}`,
    times: (count_) => `${count(count_)} 次`,
    marks: {
      asked: '请求数据',
      thread: (number) => `线程 ${number} 启动`,
      handler: (signal) => `sigaction(${signal}, handler)`,
      signal: (signal) => `${signal} 的处理函数运行`,
      raises: (signal) => `已发出 ${signal}`,
      sent: (bytes) => `${bytes}到达`,
      submission: (what) => `提交队列中的请求：${what}`,
      completion: (result) => `完成队列中的结果：${result}`,
      copied: '数据已经拷贝好',
      data: (bytes) => `得到数据：${bytes}`,
    },
    kernelDoes: {
      sleeps: '线程睡眠',
      noDataSleeps: '没有数据：线程睡眠',
      noSignalSleeps: '没有信号：线程睡眠',
      sleepsForSignal: '睡到信号到来',
      nothingReadySleeps: '没有就绪的：睡眠',
      noData: '没有数据：立即返回',
      copies: (bytes) => `拷贝 ${bytes}`,
      woken: '唤醒它',
      wakes: '唤醒另一个线程',
      interrupted: '信号中断了调用',
      timeIsUp: '时间到',
      takesSignal: '队列中有一个信号',
      ready: (descriptors) => `${descriptors} 个就绪`,
      completed: '有一个请求完成',
      remembers: '记住这个描述符',
      willSignal: '以后为它发信号',
      aioQueued: 'glibc 的线程代为读取',
      takes: (requests) => `取走 ${requests} 个请求`,
    },
    facts: {
      phases: (wait, copy) => `阶段 1（等待数据）用了 ${wait}；阶段 2（拷贝数据）用了 ${copy}。`,
      delivered: (time) => `从另一个进程发出到应用程序的处理函数拿到：${time}。`,
      calls: (calls, again) => `调用 libc ${count(calls)} 次，其中 ${count(again)} 次返回 EAGAIN。`,
      borrowed: (model) =>
        `${model} 自己没有能得知数据报发送者的调用：这里由借来的轮询器等待，由 recvfrom 拷贝。`,
      synchronous: '同步：拷贝数据的调用由应用程序自己发出，拷贝期间被它占住。',
      asynchronous: '异步：应用程序得知时，数据已经在它的内存里。',
    },
  },
}
