// Writes a comparison's numbers into README.md, between its two marks:
//   npx fivefold compare --quick --json > comparison.json && node scripts/readme-table.mjs comparison.json
import { readFileSync, writeFileSync } from 'node:fs'

const { environment, results } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const count = (value) => (value == null ? '—' : Math.round(value).toLocaleString('en-US'))
const digits = (value, places) => (value == null ? '—' : value.toFixed(places))
const sockets = results.filter((row) => row.protocol === 'tcp' && row.connections === 64)
const reads = (model) => results.find((row) => row.protocol === 'file' && row.model === model)

const lines = [
  '| model | mechanism | messages/s | p50 µs | CPU µs/message | calls/message | CPU while waiting | threads | 4 KiB file reads/s |',
  '| --- | --- | --: | --: | --: | --: | --: | --: | --: |',
  ...sockets.map((row) => {
    const cpu = row.cpuMicrosPerMessage
    const cells = [
      row.family,
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
  `Echoes of 64 bytes over 64 loopback connections, closed loop, every byte checked; one server process on one core, ` +
    `the generator on the other; reads of a cached file, 16 in flight. Linux ${environment.kernel.split('-')[0]}, ` +
    `Node ${environment.node}. The numbers of one run on one virtual machine: run it on yours.`,
]

const readme = new URL('../README.md', import.meta.url)
const text = readFileSync(readme, 'utf8')
const [begin, end] = ['<!-- compare:begin -->', '<!-- compare:end -->']
writeFileSync(
  readme,
  `${text.slice(0, text.indexOf(begin) + begin.length)}\n${lines.join('\n')}\n${text.slice(text.indexOf(end))}`,
)
