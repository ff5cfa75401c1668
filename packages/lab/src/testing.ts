/** For the tests of the command: runs it as a user does, and finds out what it leaves behind. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('./cli.js', import.meta.url))

export interface Run {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
  /** Processes that the command started, and that outlived it. */
  readonly left: readonly number[]
}

export interface Running {
  readonly process: ChildProcess
  /** The processes of this run, the command itself included. */
  alive(): number[]
  /** Until there are so many, however long it takes. @throws when the command ended before */
  untilAlive(processes: number): Promise<void>
  readonly done: Promise<Run>
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv
  /** Run in a shell that first does this, e.g. `ulimit -n 64`. */
  readonly after?: string
}

const MARK = 'FIVEFOLD_TEST_RUN'

/** Every process that carries the mark of a run in its environment, which children inherit. */
function marked(mark: string): number[] {
  const wanted = `${MARK}=${mark}`
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        if (/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return false
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(wanted)
      } catch {
        return false
      }
    })
    .map(Number)
}

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

export function start(parameters: readonly string[], { env = {}, after }: RunOptions = {}): Running {
  const mark = randomUUID()
  const own: NodeJS.ProcessEnv = { ...process.env, LC_ALL: 'C', NO_COLOR: '1', ...env, [MARK]: mark }
  // The runner's own wishes are not the command's.
  delete own.NODE_TEST_CONTEXT
  const child =
    after === undefined
      ? spawn(process.execPath, [program, ...parameters], { env: own })
      : spawn('sh', ['-c', `${after}; exec "$0" "$@"`, process.execPath, program, ...parameters], {
          env: own,
        })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  const done = new Promise<Run>((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', async (status, signal) => {
      // A child that has just been killed may still be on its way out.
      let left = marked(mark)
      for (let tries = 0; left.length > 0 && tries < 100; tries++) {
        await sleep(50)
        left = marked(mark)
      }
      resolve({ status, signal, out, err, left })
    })
  })
  const untilAlive = async (processes: number) => {
    while (marked(mark).length < processes) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`it ended: ${err}`)
      await sleep(20)
    }
  }
  return { process: child, alive: () => marked(mark), untilAlive, done }
}

export function run(parameters: readonly string[], options: RunOptions = {}): Promise<Run> {
  return start(parameters, options).done
}

/** NODE_OPTIONS that put a seam before the library in every process: io_uring_setup is refused, as by a filter. */
export const withoutIoUring: NodeJS.ProcessEnv = {
  NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(
    `globalThis[Symbol.for('fivefold.seam')] = (name, call, errno) =>
      name !== 'syscall' ? call : (...all) => (all[0] === 425 ? (errno.set(1), -1) : call(...all))`,
  )}`,
}
