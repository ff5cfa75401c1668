/** `fivefold doctor` 的文字。 */
import type { doctor as english } from '../en/doctor.js'

const count = (value: number) => (Number.isFinite(value) ? value.toLocaleString('en') : '无限制')

export const doctor: typeof english = {
  command: {
    usage: 'doctor [--json]',
    summary: '这台机器受什么限制，用什么命令改变',
    about:
      '检查内核、九种机制、io_uring、各种上限和机器本身，指出哪些正常、哪些可以改进、哪些不可用，并给出改变它的命令。它自己什么都不改。有不可用的项目时以 1 结束，否则以 0 结束。',
    options: { json: '输出 JSON' },
  },
  says: {
    topics: {
      kernel: '内核',
      models: '机制',
      io_uring: '环（io_uring）',
      limits: '上限',
      machine: '机器',
    },
    states: { good: '正常', advice: '建议', broken: '不可用' },
    allWell: '一切正常。',
    advice: (advice) => `没有不可用的项目；建议 ${count(advice)} 条。`,
    broken: (broken, advice) => `不可用 ${count(broken)} 项；建议 ${count(advice)} 条。`,
    findings: {
      kernel: (release) => `内核 Linux ${release}`,
      knownBad: (release, symptom, source) =>
        `关于 ${release} 有报告：${symptom}（${source}）。发行版可能已经修复；更新的内核没有这个问题。`,
      symptoms: {
        sqPollSpins: 'io_uring 的轮询线程占满一个处理器；不要打开 tuning.sqPoll',
        enobufsStorm: '多次接收反复以 ENOBUFS 结束',
        overflowHang: '完成队列溢出时进程挂起且无法杀死（在该系列的后续版本中修复）',
        bundles: '成束接收出错；fivefold 不使用它',
        linkedTimeouts: '链接的超时使机器死锁',
        slow: 'io_uring 极慢；6.15.5 已修复',
      },
      works: (model) => `${model} 可用`,
      doesNotWork: (model, reason, cure) => `${model} 不可用：${reason}. ${cure}`,
      nothingWorks: 'auto 没有可选的机制',
      auto: (model) => `auto 选择 ${model}`,
      tier: (tier) => `级别：${tier}`,
      tiers: {
        none: '无（不能打开环；见“机制”）',
        basic: '基本（相当于 Linux 5.19：没有延迟处理；Linux 6.1 更省）',
        usual: '通常（相当于 Linux 6.1；Linux 6.12 增加了递增缓冲区）',
        full: '完整（相当于 Linux 6.12）',
      },
      disabled: (value) => `内核参数 kernel.io_uring_disabled 为 ${count(value)}`,
      filtered: '这个进程受 seccomp 过滤器约束',
      descriptors: (soft, hard) => `描述符：${count(soft)}，最多 ${count(hard)}；每个连接用一个`,
      lockedMemory: (bytes) =>
        `锁定内存：${count(bytes)} 字节；Linux 5.12 之前环也计算在内，注册的缓冲区始终计算在内`,
      pendingSignals: (most, queued) =>
        `排队信号：该用户最多 ${count(most)} 个，已用 ${count(queued)} 个；rtsig 每个事件需要一个`,
      somaxconn: (value) => `等待队列：net.core.somaxconn 为 ${count(value)}`,
      aio: (used, most) => `内核 aio：已用 ${count(used)} 个请求，上限 ${count(most)}（fs.aio-max-nr）`,
      threads: (most) => `线程：${count(most)}；blocking 和 posix-aio 需要很多`,
      cores: (cores, virtual) =>
        `${count(cores)} 个处理器${virtual ? '，虚拟机' : ''}${cores === 1 ? '：测量与被测者共用一个' : ''}`,
      governor: (name) => `调速：${name}`,
      clock: (name) => `时钟源：${name}`,
      mitigations: (names) =>
        names === '' ? '没有启用处理器漏洞缓解' : `使系统调用变慢的漏洞缓解：${names}`,
      tracefs: {
        readable: 'tracefs 可用：内核自己可以作证',
        forbidden: '当前用户不能使用 tracefs：内核无法作证',
        'not mounted': '没有挂载 tracefs：内核无法作证',
        missing: '内核没有 tracefs：无法作证',
      },
      software: (node, koffi, libc) => `软件：Node ${node}，koffi ${koffi}，${libc}`,
    },
  },
}
