/** `fivefold trace`: a message through one model, in the order in which it happened; or how well it is known of all. */
import { type Model, models } from 'fivefold'
import { given, has, modelName, modelNames, oneOf, type Parsed } from '../arguments.js'
import { Failure, USAGE } from '../failure.js'
import { table } from '../terminal/table.js'
import { wrap } from '../terminal/width.js'
import type { Text } from '../text/language.js'
import { apart, boundaries } from '../trace/agreement.js'
import { draw } from '../trace/draw.js'
import { traceMessage } from '../trace/run.js'
import { drawTimeline, titleOf } from '../trace/svg.js'
import { protocols, type Trace, type TraceProtocol } from '../trace/trace.js'
import type { Command, Invocation } from './command.js'
import { mustTake, write } from './output-file.js'

/** For `--all`, where a median is wanted. */
const REPEATS_OF_ALL = 20
const MOST_REPEATS = 1000

export const trace: Command = {
  name: 'trace',
  options: {
    protocol: { type: 'string', value: 'udp|tcp|unix|file' },
    repeat: { type: 'string', value: 'COUNT' },
    all: { type: 'boolean' },
    svg: { type: 'string', value: 'FILE' },
    json: { type: 'boolean' },
  },
  mostPositionals: 1,

  run(invocation) {
    return has(invocation.parsed, 'all') ? all(invocation) : one(invocation)
  },
}

async function one({ parsed, text, out, signal }: Invocation): Promise<number> {
  const [name] = parsed.positionals
  if (name === undefined) throw new Failure(text.errors.missingModel(modelNames.join(', ')), USAGE)
  const wanted = modelName(name, text)
  const model = models.find((candidate) => candidate.name === wanted)!
  const protocol = protocolAsked(parsed, text) ?? ownProtocol(model)
  if (protocol === 'file' && !model.limits.files) {
    const able = models.filter(({ limits }) => limits.files).map((other) => other.name)
    throw new Failure(text.witness.noFiles(model.name, text.list(able)), USAGE)
  }
  const repeats = repeatsAsked(parsed, text) ?? 1
  const verdict = model.probe()
  if (!verdict.ok) throw new Failure(text.errors.unavailable(model.name, verdict.reason, verdict.cure))
  const file = given(parsed, 'svg')
  if (file !== undefined) mustTake(file, text)
  const traced = await traceMessage(model, protocol, text, signal, { repeats })
  if (file !== undefined) write(file, drawTimeline(traced, { text }), text)
  if (has(parsed, 'json')) out.line(JSON.stringify(traced, null, 2))
  else if (file !== undefined) out.line(text.witness.wrote(file))
  else {
    out.line(out.style.bold(titleOf(traced, text)))
    out.line()
    draw(traced, text, out)
  }
  return 0
}

async function all({ parsed, text, out, err, signal }: Invocation): Promise<number> {
  if (parsed.positionals.length > 0) throw new Failure(text.witness.allTakesNone, USAGE)
  if (has(parsed, 'svg')) throw new Failure(text.witness.svgOfOne, USAGE)
  const asked = protocolAsked(parsed, text)
  const repeats = repeatsAsked(parsed, text) ?? REPEATS_OF_ALL
  const traces: Trace[] = []
  for (const model of models) {
    if (!model.probe().ok || (asked === 'file' && !model.limits.files)) continue
    if (err.isTTY) err.line(err.style.dim(model.name))
    traces.push(await traceMessage(model, asked ?? ownProtocol(model), text, signal, { repeats }))
  }
  if (has(parsed, 'json')) out.line(JSON.stringify({ traces }, null, 2))
  else tell(traces, repeats, text, out)
  return 0
}

function tell(traces: readonly Trace[], repeats: number, text: Text, out: Invocation['out']): void {
  const { columns, about } = text.witness.table
  const { style } = out
  const unusable = traces.find(({ kernel }) => !kernel.usable)
  const why =
    unusable === undefined || unusable.kernel.usable
      ? []
      : [text.witness.facts.why(text.witness.reasons[unusable.kernel.reason])]
  const agreed = traces.some(({ agreement }) => agreement !== null)
  if (agreed) {
    out.line(
      table(
        [
          { head: columns.model },
          { head: columns.protocol },
          ...boundaries.map((boundary) => ({ head: columns[boundary], align: 'right' as const })),
          { head: columns.verdict },
        ],
        traces.map(({ model, protocol, agreement }) => [
          model,
          protocol === 'file' ? text.witness.file : protocol.toUpperCase(),
          ...boundaries.map((boundary) => {
            const found = agreement?.boundaries.find((one) => one.boundary === boundary)
            return found === undefined ? text.none : found.medianDistanceMicros.toFixed(1)
          }),
          agreement === null ? text.none : agreement.agree ? style.good(text.yes) : style.bad(text.no),
        ]),
        { width: out.columns, style: { head: style.bold, rule: style.dim } },
      ),
    )
    out.line()
  }
  // Each reason once.
  const causes = new Map(
    traces
      .flatMap(({ agreement }) => (agreement === null ? [] : apart(agreement)))
      .map(({ boundary, cause }) => [cause, boundary]),
  )
  const notes = [
    ...(agreed ? [about(repeats)] : []),
    ...[...causes].flatMap(([cause, boundary]) =>
      cause === null
        ? []
        : [text.witness.because(text.witness.boundaries[boundary], text.witness.causes[cause])],
    ),
    ...why,
  ]
  for (const note of notes) for (const line of wrap(note, out.columns)) out.line(line)
}

/** The textbook's example is a datagram; a model that borrows another's call for it is shown at its own. */
const ownProtocol = (model: Model): TraceProtocol =>
  model.limits.borrows.includes('recvfrom') ? 'tcp' : 'udp'

function protocolAsked(parsed: Parsed, text: Text): TraceProtocol | undefined {
  const asked = given(parsed, 'protocol')
  return asked === undefined ? undefined : oneOf('--protocol', asked, protocols, text)
}

function repeatsAsked(parsed: Parsed, text: Text): number | undefined {
  const asked = given(parsed, 'repeat')
  if (asked === undefined) return undefined
  const repeats = /^\d+$/.test(asked) ? Number(asked) : Number.NaN
  if (!(repeats >= 1 && repeats <= MOST_REPEATS)) throw new Failure(text.witness.badRepeat(asked), USAGE)
  return repeats
}
