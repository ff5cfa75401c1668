/** Which agent a request goes by: for the faces of HTTP and of HTTPS alike. */
import type { RequestOptions } from 'node:http'

/** The arguments of `request`, with our agent in the options where they name none. */
export function withAgent(args: readonly unknown[], agentOf: (given: unknown) => unknown): unknown[] {
  const [first, ...others] = args
  const named = typeof first === 'string' || first instanceof URL || isUrl(first)
  const at = named ? 0 : -1
  const rest = named ? others : args
  const given = typeof rest[0] === 'function' ? undefined : rest[0]
  const callback = typeof rest[0] === 'function' ? rest[0] : rest[1]
  if (given !== undefined && (typeof given !== 'object' || given === null)) return [...args]
  const options = (given ?? {}) as RequestOptions
  const agent = agentOf(options)
  const next = agent === options.agent ? options : { ...inherited(options), agent }
  return at === 0 ? [first, next, callback] : [next, callback]
}

/** Options may be anything with properties, inherited ones included. */
function inherited(options: object): object {
  const all: Record<string, unknown> = {}
  for (const key in options) all[key] = (options as Record<string, unknown>)[key]
  return Object.assign(all, options)
}

function isUrl(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { href, protocol, auth, path } = value as Record<string, unknown>
  return Boolean(href && protocol && auth === undefined && path === undefined)
}

/**
 * What Node does about a request's `agent`, with agents of ours.
 * @param fresh makes one for this request alone (`agent: false`)
 * @param shared the one of requests that name none
 */
export function agentChooser(fresh: () => unknown, shared: () => unknown): (given: unknown) => unknown {
  return (given) => {
    const { agent, createConnection } = given as RequestOptions
    if (agent === false) return fresh()
    if (agent !== undefined && agent !== null) return agent
    return typeof createConnection === 'function' ? agent : shared()
  }
}
