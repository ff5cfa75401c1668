/**
 * A peer that knows nothing of the library: Node's own sockets. argv: where to (JSON). It sends 100,000 bytes on
 * one connection, reads nothing on another, and waits to be killed.
 */
import { connect, type NetConnectOpts } from 'node:net'
import { Pattern } from '../pattern.js'

const [to, seed] = process.argv.slice(2) as [string, string]
const sending = connect(JSON.parse(to) as NetConnectOpts, () => {
  sending.write(new Pattern(Number(seed)).at(0, 100_000))
  const deaf = connect(JSON.parse(to) as NetConnectOpts)
  deaf.pause()
})
