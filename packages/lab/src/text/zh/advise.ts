/** `fivefold advise` 的文字。 */
import type { advise as english } from '../en/advise.js'

const count = (value: number) => value.toLocaleString('en')

export const advise: typeof english = {
  command: {
    usage: 'advise [选项…]',
    summary: '哪种机制适合某种负载，在本机实测',
    about:
      '由你描述负载；凡是这里能承担它的机制都在这种负载下实测，分若干轮，每轮都用新的进程（比最好的差一倍以上的只测一轮），然后推荐一种，并给出第二名和数据。如果两者各轮的数值互相交错，就说明它们没有差别。',
    options: {
      connections: '打开的连接数：64（默认）；用 --files 时是同时进行的读取数',
      active: '其中有消息在途的比例：1（默认）、0.01、1%',
      size: '消息的字节数：64（默认）、4KiB；用 --files 时为 4KiB',
      for: '看重什么：latency（延迟）、throughput（吞吐，默认）、cpu（处理器时间）或 memory（内存）',
      files: '改为随机读取页缓存中的文件，而不是通过 TCP 收发消息',
      duration: '每种负载测量多久：500ms（默认）',
      json: '输出 JSON',
    },
  },
  says: {
    badShare: (value) => `“${value}”不是大于 0、不超过 1 的比例；请写成 0.01 或 1%`,
    oneNumber: (value) => `“${value}”不是一个 1 到 1,000,000 之间的连接数`,
    memoryOfFiles: '--for memory 针对连接；用 --files 时请选别的',
    sockets: (connections, active, size) =>
      `TCP，${count(connections)} 个连接，其中 ${count(active)} 个活跃，每条消息 ${size}`,
    files: (inFlight, size) => `从缓存的文件随机读取，每次 ${size}，同时进行 ${count(inFlight)} 个`,
    goals: {
      latency: '目标：低延迟',
      throughput: '目标：高吞吐',
      cpu: '目标：少用处理器时间',
      memory: '目标：少用内存',
    },
    round: (model, round) => `${model} · 第 ${count(round)} 轮`,
    columns: {
      model: '机制',
      rate: '消息数\n每秒',
      latency: '延迟 µs\np50',
      cpu: 'CPU µs\n每条',
      idle: '空闲\nCPU',
      memory: '常驻\nMiB',
      threads: '线程\n',
      rounds: '轮数\n',
    },
    recommended: (model) => `请用 ${model}。`,
    runnerUp: (model, value, other, otherValue) => `${model}：${value}。其次是 ${other}：${otherValue}。`,
    level: (model, other) =>
      `它们各轮的数值互相交错：在这一点上 ${other} 与 ${model} 一样好。不相上下时，推荐处理器时间较少的一种。`,
    apart: '没有任何一轮落入另一方的范围。',
    onlyOne: (model) => `这里只有 ${model} 能承担这种负载。`,
    nothing: '这里没有机制能承担这种负载；原因见上',
    burns: (model, share) => `${model} 即使无事可做也占用一个处理器的 ${share}；其他的都在睡眠。`,
    excluded: (model, reason) => `${model}：不参选：${reason}`,
    wasteful: '它在等待时占用处理器',
    caution: '只经过回环网络，只在这台机器上，只是刚才的情形：决定之前请测量你自己的程序。',
    values: {
      latency: (median, least, most) => `p50 ${median} 微秒（${least} 到 ${most}）`,
      throughput: (median, least, most) => `每秒 ${median} 条消息（${least} 到 ${most}）`,
      cpu: (median, least, most) => `每条消息 ${median} 微秒 CPU（${least} 到 ${most}）`,
      memory: (median, least, most) => `常驻内存 ${median} MiB（${least} 到 ${most}）`,
    },
  },
}
