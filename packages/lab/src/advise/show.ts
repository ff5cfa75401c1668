/** The advice as people read it. */
import { rounded } from '../measure/statistics.js'
import { table } from '../terminal/table.js'
import type { Terminal } from '../terminal/terminal.js'
import { wrap } from '../terminal/width.js'
import type { Text } from '../text/language.js'
import { ASLEEP, type Excluded, type Goal, type Range, type Ranked, type Recommendation } from './rank.js'
import type { Workload } from './sample.js'

export interface Advice {
  readonly workload: Workload & { readonly files: boolean }
  readonly goal: Goal
  readonly excluded: readonly Excluded[]
}

const MIB = 1 << 20

export function show(
  { workload, goal, excluded }: Advice,
  { recommended, runnerUp, withinSpread, ranking }: Recommendation,
  text: Text,
  out: Terminal,
): void {
  const says = text.advise
  const { style } = out
  const paragraph = (line: string) => {
    for (const part of wrap(line, out.columns)) out.line(part)
  }
  const { connections, active, size, files } = workload
  out.line(
    style.bold(
      files ? says.files(active, text.bytes(size)) : says.sockets(connections, active, text.bytes(size)),
    ),
  )
  out.line(says.goals[goal])
  out.line()
  if (ranking.length > 0) {
    const heads = says.columns
    const right = 'right' as const
    out.line(
      table(
        [
          { head: heads.model },
          ...[
            heads.rate,
            heads.latency,
            heads.cpu,
            heads.idle,
            heads.memory,
            heads.threads,
            heads.rounds,
          ].map((head) => ({ head, align: right })),
        ],
        ranking.map((row) => [
          row.model,
          text.count(Math.round(rounded(row.messagesPerSecond.median))),
          String(rounded(row.latencyMicros.median, 2)),
          row.cpuMicrosPerMessage.median.toFixed(1),
          percent(row.cpuShareWhileWaiting),
          row.residentBytes === null ? text.none : String(Math.round(row.residentBytes / MIB)),
          String(row.threads),
          String(row.rounds),
        ]),
        { width: out.columns, style: { head: style.bold, rule: style.dim } },
      ),
    )
    out.line()
  }
  if (recommended !== null) {
    out.line(style.bold(says.recommended(recommended.model)))
    const value = ({ value }: Ranked) => valueText(value, goal, text)
    if (runnerUp === null) paragraph(says.onlyOne(recommended.model))
    else {
      paragraph(says.runnerUp(recommended.model, value(recommended), runnerUp.model, value(runnerUp)))
      paragraph(withinSpread ? says.level(recommended.model, runnerUp.model) : says.apart)
    }
    if (recommended.cpuShareWhileWaiting > ASLEEP) {
      paragraph(says.burns(recommended.model, percent(recommended.cpuShareWhileWaiting)))
    }
  }
  for (const { model, reason } of excluded) paragraph(style.dim(says.excluded(model, reason)))
  paragraph(says.caution)
}

function valueText(value: Range, goal: Goal, text: Text): string {
  const written = (number: number) => {
    if (goal === 'memory') return String(Math.round(number / MIB))
    if (goal === 'throughput') return text.count(Math.round(rounded(number)))
    return String(rounded(number))
  }
  return text.advise.values[goal](written(value.median), written(value.least), written(value.most))
}

const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`
