// Every child is known here, ends with us whatever ends us, and is pinned to the core it was given.
import { spawn, spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** @typedef {import('node:child_process').ChildProcess} ChildProcess */

const children = new Set()
const cleanUps = new Set()
let stopping = false

export const has = (/** @type {string} */ command) =>
  !spawnSync(command, ['--version'], { stdio: 'ignore' }).error
const taskset = has('taskset')
const setpriv = has('setpriv')

export const pinning = !taskset
  ? 'not pinned: taskset (util-linux) is missing'
  : availableParallelism() < 2
    ? 'not pinned: there is one core only'
    : 'server on core 0, generator on core 1'
export const pinned = pinning.startsWith('server')

function killAll() {
  for (const child of children) {
    try {
      child.kill('SIGKILL')
    } catch {
      // it has ended by itself
    }
  }
  children.clear()
  for (const cleanUp of cleanUps) cleanUp()
  cleanUps.clear()
}

process.on('exit', killAll)
for (const [signal, number] of /** @type {[NodeJS.Signals, number][]} */ ([
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
])) {
  process.on(signal, () => {
    stopping = true
    killAll()
    console.error(`\nstopped by ${signal}; every server and generator has been ended`)
    process.exit(128 + number)
  })
}

/** Runs `cleanUp` when the bench ends in whatever way. */
export function atEnd(/** @type {() => void} */ cleanUp) {
  cleanUps.add(cleanUp)
}

/**
 * @param {string[]} command
 * @param {{ core?: number, stdin?: 'pipe' | 'ignore' }} [options]
 */
export function start(command, { core, stdin = 'ignore' } = {}) {
  if (stopping) throw new Error('stopping')
  const whole = [...command]
  if (pinned && core !== undefined) whole.unshift('taskset', '-c', String(core))
  if (setpriv) whole.unshift('setpriv', '--pdeathsig', 'KILL') // even if we are killed ourselves
  const [file, ...parameters] = whole
  const child = spawn(file, parameters, { stdio: [stdin, 'pipe', 'pipe'] })
  children.add(child)
  const output = { out: '', error: '' }
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    output.out += text
    child.emit('output')
  })
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    output.error = (output.error + text).slice(-4000)
  })
  const ended = new Promise((resolve) => {
    child.once('error', (error) => {
      children.delete(child)
      output.error ||= error.message
      resolve(-1)
    })
    child.once('close', (code, signal) => {
      children.delete(child)
      resolve(code ?? signal)
    })
  })
  return { child, pid: child.pid ?? 0, output, ended }
}

/** @typedef {ReturnType<typeof start>} Running */

/** @param {Running} running */
function complaint({ output }) {
  const lines = output.error.trim().split('\n')
  return (lines.find((line) => /^\w*Error|: error/.test(line)) ?? lines.at(-1) ?? '').trim().slice(0, 300)
}

/**
 * Calls `action` after so many seconds of our own time, unless cancelled. If we are frozen for a while our children
 * usually are too, and must not be given up for it: so the time is counted in small steps.
 * @returns {() => void} cancels it
 */
export function alarm(/** @type {number} */ seconds, /** @type {() => void} */ action) {
  let steps = Math.ceil(seconds * 10)
  const timer = setInterval(() => {
    if (--steps > 0) return
    clearInterval(timer)
    action()
  }, 100)
  return () => clearInterval(timer)
}

/** Waits until the first line of output that matches. @param {Running} running */
export async function waitFor(running, /** @type {RegExp} */ pattern, seconds = 15) {
  let cancel = () => {}
  const found = new Promise((resolve) => {
    const look = () => {
      const match = pattern.exec(running.output.out)
      if (match) resolve(match)
    }
    running.child.on('output', look)
    look()
  })
  const late = new Promise((_, reject) => {
    cancel = alarm(seconds, () => reject(new Error(`nothing heard for ${seconds} s`)))
  })
  const gone = running.ended.then((code) => {
    throw new Error(`ended with ${code}: ${complaint(running) || 'it said nothing'}`)
  })
  gone.catch(() => {})
  try {
    return /** @type {RegExpExecArray} */ (await Promise.race([found, late, gone]))
  } finally {
    cancel()
  }
}

/** @param {Running} running */
export async function stop(running) {
  if (running.child.exitCode !== null || running.child.signalCode !== null) return
  running.child.kill('SIGTERM')
  const cancel = alarm(3, () => running.child.kill('SIGKILL'))
  await running.ended
  cancel()
}

/**
 * Runs a command to its end and gives back what it printed.
 * @param {string[]} command
 * @param {{ core?: number, seconds?: number }} [options]
 */
export async function runForText(command, { core, seconds = 60 } = {}) {
  const running = start(command, { core })
  const cancel = alarm(seconds, () => running.child.kill('SIGKILL'))
  const code = await running.ended
  cancel()
  if (!running.output.out.trim()) throw new Error(complaint(running) || `ended with ${code} and no result`)
  return running.output.out
}

/**
 * The same for one that prints JSON as its last line.
 * @param {string[]} command
 * @param {{ core?: number, seconds?: number }} [options]
 */
export async function runForJson(command, options) {
  const line = (await runForText(command, options)).trim().split('\n').at(-1)
  if (!line?.startsWith('{')) throw new Error(`no result but: ${line?.slice(0, 200)}`)
  return JSON.parse(line)
}

export const pause = (/** @type {number} */ milliseconds) =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))
