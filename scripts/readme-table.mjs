// Writes a comparison's numbers into README.md and README.zh-CN.md, between their two marks:
//   npx fivefold compare --quick --json > comparison.json && node scripts/readme-table.mjs comparison.json
import { readFileSync, writeFileSync } from 'node:fs'

const { environment, results } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const count = (value) => (value == null ? '—' : Math.round(value).toLocaleString('en-US'))
const digits = (value, places) => (value == null ? '—' : value.toFixed(places))
const sockets = results.filter((row) => row.protocol === 'tcp' && row.connections === 64)
const reads = (model) => results.find((row) => row.protocol === 'file' && row.model === model)
const kernel = environment.kernel.split('-')[0]

const languages = {
  'README.md': {
    family: (name) => name,
    head: 'model | mechanism | messages/s | p50 µs | CPU µs/message | calls/message | CPU while waiting | threads | 4 KiB file reads/s',
    foot:
      'Echoes of 64 bytes over 64 loopback connections, closed loop, every byte checked; one server process on one core, ' +
      `the generator on the other; reads of a cached file, 16 in flight. Linux ${kernel}, ` +
      `Node ${environment.node}. The numbers of one run on one virtual machine: run it on yours.`,
  },
  'README.zh-CN.md': {
    family: (name) =>
      ({
        blocking: '阻塞',
        'non-blocking': '非阻塞',
        multiplexing: '多路复用',
        'signal-driven': '信号驱动',
        asynchronous: '异步',
      })[name],
    head: '模型 | 机制 | 消息/秒 | p50 µs | 每条消息 CPU µs | 每条消息调用数 | 等待时的 CPU | 线程 | 4 KiB 文件读取/秒',
    foot:
      '64 个回环连接上 64 字节的回显，闭环，逐字节核对；一个服务器进程占一个核，负载生成进程占另一个；读取已缓存的文件，' +
      `同时进行 16 个。Linux ${kernel}，Node ${environment.node}。这是一台虚拟机上一次运行的数字：请在你自己的机器上运行。`,
  },
}

for (const [file, { family, head, foot }] of Object.entries(languages)) {
  const lines = [
    `| ${head} |`,
    '| --- | --- | --: | --: | --: | --: | --: | --: | --: |',
    ...sockets.map((row) => {
      const cpu = row.cpuMicrosPerMessage
      const cells = [
        family(row.family),
        `\`${row.model}\``,
        count(row.messagesPerSecond),
        digits(row.latencyMicros?.p50, 0),
        digits(cpu == null ? null : cpu.user + cpu.system, 1),
        digits(row.syscallsPerMessage, 1),
        row.cpuShareWhileWaiting == null ? '—' : `${(row.cpuShareWhileWaiting * 100).toFixed(1)} %`,
        count(row.threads),
        count(reads(row.model)?.messagesPerSecond),
      ]
      return `| ${cells.join(' | ')} |`
    }),
    '',
    foot,
  ]
  const readme = new URL(`../${file}`, import.meta.url)
  const text = readFileSync(readme, 'utf8')
  const [begin, end] = ['<!-- compare:begin -->', '<!-- compare:end -->']
  writeFileSync(
    readme,
    `${text.slice(0, text.indexOf(begin) + begin.length)}\n${lines.join('\n')}\n${text.slice(text.indexOf(end))}`,
  )
}
