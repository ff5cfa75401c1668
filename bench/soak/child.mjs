// What the two processes of a soak have in common: questions from the runner, and pauses drawn by lot.
import { SO_LINGER, SOL_SOCKET, setsockopt } from 'fivefold/sys'
import { settle } from './measure.mjs'

/** The first troubles are told; of ten thousand alike nobody reads more. */
const MOST_TROUBLES = 20
/** @type {string[]} */
const troubles = []
let more = 0

export function trouble(/** @type {string} */ text) {
  if (troubles.length < MOST_TROUBLES) troubles.push(text)
  else more++
}

process.on('warning', (warning) => trouble(`a warning: ${warning.message}`))

/** Answers the runner. @param {Record<string, (with_: any) => any>} answers */
export function answer(answers) {
  const all = {
    ...answers,
    measure: settle,
    troubles: () => (more > 0 ? [...troubles, `and ${more} more`] : troubles),
    stop: () => setImmediate(() => process.exit(0)),
  }
  process.on('SIGINT', () => {}) // Ctrl-C reaches the whole group; the runner decides
  process.on('disconnect', () => process.exit(0))
  process.on('message', async (/** @type {{ id: number, ask: keyof typeof all, with: any }} */ question) => {
    const reply = await all[question.ask](question.with)
    process.send?.({ id: question.id, answer: reply ?? null })
  })
}

/** Closes so that the peer is reset, whatever is unread or unsent. @param {import('fivefold').Socket<any>} socket */
export function reset(socket) {
  if (socket.fd < 0) return
  setsockopt(socket.fd, SOL_SOCKET, SO_LINGER, new Int32Array([1, 0]))
  socket.terminate()
}

/** Reads no further for a while. @param {import('fivefold').Socket<any>} socket @param {number} ms */
export function rest(socket, ms) {
  if (socket.paused) return
  socket.pause()
  setTimeout(() => socket.resume(), ms)
}
