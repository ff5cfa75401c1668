/** A comparison as people read it: a table for each load, notes, what it says, and the machine it ran on. */
import type { Environment } from '../environment.js'
import { reading } from '../measure/reading.js'
import type { Comparison, Result } from '../measure/results.js'
import { rounded } from '../measure/statistics.js'
import type { TargetFile } from '../measure/target-file.js'
import { type Column, table } from '../terminal/table.js'
import type { Style, Terminal } from '../terminal/terminal.js'
import { widthOf, wrap } from '../terminal/width.js'
import type { Text } from '../text/language.js'

/** When others take more of the machine than this, the numbers are not worth much. */
const BUSY = 0.1

export function show(comparison: Comparison, file: TargetFile | null, text: Text, out: Terminal): void {
  const { results } = comparison
  const { style } = out
  const says = text.compare
  for (const group of groups(results)) {
    const { protocol, connections, size } = group[0]!
    const title =
      protocol === 'file'
        ? says.aboutFiles(file?.name ?? says.temporaryFile, bytes(size), connections)
        : says.about(protocol.toUpperCase(), connections, bytes(size))
    out.line(style.bold(title))
    out.line()
    if (group.some(({ messagesPerSecond }) => messagesPerSecond !== null)) {
      out.line(tableOf(group, text, out))
      out.line()
      for (const line of legendOf(group, text)) paragraph(line, out, style.dim, '  ')
      out.line()
    }
    const notes = notesOf(group, text)
    if (notes.length > 0) {
      out.line(style.bold(says.notes))
      for (const note of notes) paragraph(note, out)
      out.line()
    }
    const findings = reading(group, text)
    if (findings.length > 0) {
      out.line(style.bold(says.reading))
      for (const finding of findings) paragraph(finding, out)
      out.line()
    }
  }
  out.line(style.bold(says.environment))
  for (const line of machine(comparison.environment, text)) paragraph(line, out, style.dim)
  out.line()
  const { takenByOthers } = comparison.environment
  if (takenByOthers !== null && takenByOthers > BUSY) {
    paragraph(says.findings.busy(percent(takenByOthers)), out, style.bad)
  }
  paragraph(says.findings.caution, out)
}

/** A bullet, hanging. */
function paragraph(
  line: string,
  out: Terminal,
  paint: (line: string) => string = (line) => line,
  bullet = '· ',
): void {
  wrap(line, out.columns - bullet.length - 2).forEach((piece, index) => {
    out.line(`  ${paint((index === 0 ? bullet : ' '.repeat(bullet.length)) + piece)}`.trimEnd())
  })
}

export function legendOf(group: readonly Result[], text: Text): string[] {
  const says = text.compare
  const lines = [...(group[0]!.protocol === 'file' ? says.legendFiles : says.legend)]
  if (group.some(({ reasons }) => reasons.p99 !== undefined)) lines.push(says.legendFewSamples)
  const held = Math.max(0, ...group.map(({ connectionsHeld }) => connectionsHeld ?? 0))
  if (group.some(({ maxConnections }) => maxConnections !== null)) lines.push(says.legendMost(held))
  return lines
}

/** Results of the same load. */
export function groups(results: readonly Result[]): Result[][] {
  const found = new Map<string, Result[]>()
  for (const result of results) {
    const key = `${result.protocol} ${result.connections} ${result.size}`
    const group = found.get(key)
    if (group === undefined) found.set(key, [result])
    else group.push(result)
  }
  return [...found.values()]
}

interface Figure {
  readonly column: Column
  cell(result: Result): string
}

function figures(text: Text, protocol: Result['protocol'], style: Style): Figure[] {
  const { columns } = text.compare
  const none = style.dim(text.none)
  const right = (head: string, cell: (result: Result) => string | null): Figure => ({
    column: { head, align: 'right' },
    cell: (result) => cell(result) ?? none,
  })
  const all: (Figure | null)[] = [
    right(protocol === 'file' ? columns.reads : columns.rate, ({ messagesPerSecond, generatorBound }) =>
      messagesPerSecond === null
        ? null
        : `${generatorBound ? '≥ ' : ''}${text.count(Math.round(rounded(messagesPerSecond)))}`,
    ),
    right(columns.latency, ({ latencyMicros: it, reasons }) =>
      it === null ? null : `${plain(it.p50)}/${reasons.p99 === undefined ? '' : '~'}${plain(it.p99)}`,
    ),
    right(columns.cpu, ({ cpuMicrosPerMessage: it }) =>
      it === null ? null : `${fixed(it.user)}+${fixed(it.system)}`,
    ),
    right(columns.calls, ({ syscallsPerMessage, againPerMessage, reasons }) =>
      syscallsPerMessage === null
        ? null
        : `${reasons.callsPerMessage === undefined ? '' : '≥ '}${fixed(syscallsPerMessage)}/${fixed(againPerMessage ?? 0)}`,
    ),
    right(columns.switches, ({ contextSwitchesPerMessage: it }) =>
      it === null ? null : `${fixed(it.voluntary, 2)}/${fixed(it.involuntary, 2)}`,
    ),
    right(columns.idle, ({ cpuShareWhileWaiting: it }) => (it === null ? null : percent(it))),
    right(columns.threads, ({ threads }) => (threads === null ? null : text.count(threads))),
    protocol === 'file' || protocol === 'udp'
      ? null
      : right(columns.memory, ({ residentBytesPerConnection: it }) =>
          it === null ? null : fixed(it / 1024),
        ),
    protocol === 'file' || protocol === 'udp'
      ? null
      : right(columns.most, ({ maxConnections: it }) => (it === null ? null : text.count(it))),
  ]
  return all.filter((figure) => figure !== null)
}

/** Where the terminal is too narrow for all figures they stand in two tables. */
function tableOf(group: readonly Result[], text: Text, out: Terminal): string {
  const all = figures(text, group[0]!.protocol, out.style)
  const options = { width: out.columns, style: { head: out.style.bold, rule: out.style.dim } }
  const withModel = (chosen: readonly Figure[]) =>
    table(
      [{ head: text.compare.columns.model }, ...chosen.map(({ column }) => column)],
      group.map((result) => [result.model, ...chosen.map((figure) => figure.cell(result))]),
      options,
    )
  const whole = withModel(all)
  const width = Math.max(...whole.split('\n').map(widthOf))
  if (width <= out.columns) return whole
  const half = Math.ceil(all.length / 2) + 1
  return `${withModel(all.slice(0, half))}\n\n${withModel(all.slice(half))}`
}

export function notesOf(group: readonly Result[], text: Text): string[] {
  const says = text.compare
  const notes: string[] = []
  for (const { model, reason, reasons, errors, generatorBound, generatorShare } of group) {
    if (reason !== null) notes.push(says.note(model, reason))
    if (reasons.model !== undefined) notes.push(says.note(model, reasons.model))
    if (reasons.errors !== undefined) notes.push(says.errorsNote(model, errors ?? 0, reasons.errors))
    if (reasons.maxConnections !== undefined && errors !== null && reason === null) {
      if (group[0]!.protocol !== 'file' && group[0]!.protocol !== 'udp' && group[0]!.connections > 1) {
        notes.push(says.note(model, reasons.maxConnections))
      }
    }
    if (generatorBound) notes.push(says.generatorBound(model, percent(generatorShare ?? 0)))
    if (reasons.callsPerMessage !== undefined) notes.push(says.note(model, reasons.callsPerMessage))
  }
  return notes
}

export function machine(environment: Environment, text: Text): string[] {
  const says = text.compare.machine
  const { processors, limits } = environment
  const unknown = (value: string | number | null) => (value === null ? says.unknown : String(value))
  const mitigated = Object.entries(environment.mitigations).map(([name, state]) => `${name} (${state})`)
  return [
    says.command(environment.command, environment.date),
    says.system(environment.kernel, environment.libc),
    `${says.cpu(environment.cpu, environment.cores, environment.virtualised)}${text.comma}${says.clock(
      unknown(environment.governor),
      unknown(environment.boost),
      unknown(environment.clockSource),
    )}`,
    processors.server === null || processors.generator === null
      ? says.notPinned(
          processors.reason === 'one processor' ? says.oneProcessor : (processors.reason ?? says.unknown),
        )
      : says.pinned(processors.server, processors.generator),
    says.mitigations(mitigated.join(', ') || says.noMitigations),
    `${says.limits(limits.openFiles, limits.pendingSignals, limits.lockedMemory)}; ${says.kernelSettings(
      unknown(environment.timerSlackNanoseconds),
      unknown(environment.congestionControl),
      unknown(environment.somaxconn),
      unknown(environment.ioUringDisabled),
    )}`,
    says.software(
      environment.version,
      environment.commit ?? '',
      environment.node,
      unknown(environment.koffi),
    ),
    says.load(
      environment.loadAverage.join(' '),
      environment.takenByOthers === null ? says.unknown : percent(environment.takenByOthers),
    ),
  ]
}

// ---- numbers

function plain(value: number): string {
  return String(rounded(value, 2))
}

function fixed(value: number, digits = 1): string {
  if (Math.abs(value) >= 1000) return String(Math.round(value))
  return value.toFixed(Math.abs(value) >= 100 ? 0 : digits)
}

export function percent(share: number): string {
  const value = share * 100
  return `${value >= 10 ? Math.round(value) : value.toFixed(1)} %`
}

export function bytes(size: number): string {
  if (size % 1048576 === 0) return `${size / 1048576} MiB`
  return size % 1024 === 0 ? `${size / 1024} KiB` : `${size} B`
}
