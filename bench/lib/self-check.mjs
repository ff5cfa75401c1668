// Does the bench itself tell the truth? Three questions whose answers are known beforehand.
import { compete } from './compete.mjs'
import { measureLoad } from './measure.mjs'
import { number } from './report.mjs'
import { noDifference } from './statistics.mjs'

/**
 * @param {import('./compete.mjs').Resolve} resolve
 * @param {{ runs: number, warmup: number, duration: number, patience: number, progress: (text: string) => void }} options
 */
export async function selfCheck(resolve, { runs, warmup, duration, patience, progress }) {
  const lines = []
  let sound = true
  const say = (/** @type {boolean} */ good, /** @type {string} */ text) => {
    sound &&= good
    lines.push(`${good ? 'ok    ' : 'WRONG '} ${text}`)
  }
  const command = (/** @type {string} */ name) => {
    const found = resolve(name)
    if (found.skip !== undefined) throw new Error(found.skip)
    return found.command
  }

  // 1. The same server twice must come out the same.
  const outcome = await compete(
    {
      name: 'A/A',
      title: 'the same server twice',
      kind: 'load',
      load: { connections: 64 },
      columns: ['rate', 'cpu'],
      entries: [
        { name: 'C epoll', as: 'A' },
        { name: 'C epoll', as: 'A again' },
      ],
    },
    resolve,
    { runs, warmup, duration, patience, repeats: { left: 2 * runs }, only: [], quick: false, progress },
  )
  for (const metric of /** @type {const} */ (['rate', 'cpu'])) {
    const [a, b] = outcome.table.map((row) => row.summary[metric])
    if (!a || !b)
      say(false, `the same server twice: ${outcome.table.flatMap((row) => row.failures).join('; ')}`)
    else {
      const digits = metric === 'cpu' ? 2 : 0
      say(
        noDifference(a, b),
        `the same server twice, ${metric}: ${number(a.median, digits)} and ${number(b.median, digits)}`,
      )
    }
  }

  // 2. A server that stalls for 50 ms twice a second: one message in ten is due during a stall.
  progress('stalls')
  const times = { warmup: 0.6, duration: Math.max(2, duration) }
  const open = await measureLoad(command('C stall'), { connections: 64 }, times, 20_000)
  const closed = await measureLoad(command('C stall'), { connections: 64 }, times)
  say(
    (open.p99 ?? 0) > 30_000,
    `stalls of 50 ms, open loop: p99 is ${number(open.p99 ?? 0, 0)} us (must exceed 30,000)`,
  )
  lines.push(
    `        the closed loop would have said ${number(closed.p99 ?? 0, 0)} us, which is why it is not asked for latency`,
  )

  // 3. Wrong bytes must not pass.
  for (const how of ['flip', 'swap', 'lose', 'double']) {
    progress(how)
    try {
      await measureLoad([...command('C corrupt'), how], { connections: 8 }, { warmup: 0.1, duration: 0.3 })
      say(false, `a server that does "${how}" to one message in a thousand went unnoticed`)
    } catch (error) {
      say(
        true,
        `a server that does "${how}" to one message in a thousand: ${/** @type {Error} */ (error).message}`,
      )
    }
  }
  return { sound, text: lines.join('\n') }
}
