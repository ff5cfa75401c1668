/** `fivefold trace`: one message through one model, in the order in which it happened. */
import { models } from 'fivefold'
import { given, has, modelName, modelNames, oneOf } from '../arguments.js'
import { Failure, USAGE } from '../failure.js'
import { draw } from '../trace/draw.js'
import { MESSAGE_BYTES, type TraceProtocol, traceMessage } from '../trace/run.js'
import type { Command } from './command.js'

const protocols = ['udp', 'tcp', 'unix'] as const satisfies readonly TraceProtocol[]

export const trace: Command = {
  name: 'trace',
  options: {
    protocol: { type: 'string', value: 'udp|tcp|unix' },
    json: { type: 'boolean' },
  },
  mostPositionals: 1,

  async run({ parsed, text, out, signal }) {
    const [name] = parsed.positionals
    if (name === undefined) throw new Failure(text.errors.missingModel(modelNames.join(', ')), USAGE)
    const wanted = modelName(name, text)
    const asked = given(parsed, 'protocol')
    const model = models.find((candidate) => candidate.name === wanted)!
    // The textbook's example is a datagram; a model that borrows another's call for it is shown at its own.
    const own = model.limits.borrows.includes('recvfrom') ? 'tcp' : 'udp'
    const protocol = asked === undefined ? own : oneOf('--protocol', asked, protocols, text)
    const verdict = model.probe()
    if (!verdict.ok) throw new Failure(text.errors.unavailable(model.name, verdict.reason, verdict.cure))
    const timeline = await traceMessage(model, protocol, text, signal)
    if (has(parsed, 'json')) {
      const { family, synchronous } = model
      out.line(
        JSON.stringify(
          { model: model.name, family, synchronous, protocol, bytes: MESSAGE_BYTES, ...timeline },
          null,
          2,
        ),
      )
      return 0
    }
    const kinds = [
      text.families[model.family],
      model.synchronous ? text.trace.synchronous : text.trace.asynchronous,
    ]
    const kind = [...new Set(kinds)].join(text.comma)
    const title = text.trace.title(model.name, kind, protocol.toUpperCase(), text.bytes(MESSAGE_BYTES))
    out.line(out.style.bold(title))
    out.line()
    draw(model, protocol, timeline, text, out)
    return 0
  },
}
