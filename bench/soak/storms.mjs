// Accept storms: as many connects as possible at once, connects that close at once, and very many held.
const BURST = 5000
const CHURN = 5000

/**
 * @param {{ ask(what: string, with_: object): Promise<any> }} generator
 * @param {{ ask(what: string): Promise<any> }} server
 * @param {{ port: number, held: number, rounds: number }} plan `held` 0: none of it
 */
export async function storms(generator, server, { port, held, rounds }) {
  if (held === 0) return {}
  let accepted = 0
  const { accepted: before } = await server.ask('counts')
  for (let round = 0; round < rounds; round++) {
    const each = Math.min(BURST, held)
    await generator.ask('burst', { port, count: each })
    await server.ask('quiet')
    await generator.ask('churn', { port, count: Math.min(CHURN, held) })
    await server.ask('quiet')
    await generator.ask('hold', { port, count: held })
    const { open } = await server.ask('counts')
    if (open !== held) await generator.ask('report', `${open} of ${held} connections are held by the server`)
    await generator.ask('letGo', {})
    await server.ask('quiet')
  }
  accepted = (await server.ask('counts')).accepted - before
  return { rounds, held, accepted }
}
