/** Programs run beside the tests, each with an end that is waited for. */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface Child {
  process: ChildProcess
  /** Resolves with what matches in its output. */
  says(pattern: RegExp): Promise<RegExpMatchArray>
  ended: Promise<Ended>
}

/** Longer than anything takes on a busy machine; one that is not over by then never will be. */
const DEADLINE_MS = 45_000

interface StartOptions {
  /** ulimit -n of the child: the soft limit and, where they differ, the hard one. */
  descriptors?: { soft: number; hard: number }
  deadlineMs?: number
}

/** Starts a program of `children/`. Past its deadline it is killed, and shows that by its signal. */
export function start(
  name: string,
  args: readonly string[],
  { descriptors, deadlineMs = DEADLINE_MS }: StartOptions = {},
): Child {
  const program = fileURLToPath(new URL(`./children/${name}.js`, import.meta.url))
  const command = [process.execPath, '--expose-gc', program, ...args]
  if (descriptors !== undefined) {
    const { soft, hard } = descriptors
    command.unshift('sh', '-c', `ulimit -Sn ${soft}; ulimit -Hn ${hard}; exec "$0" "$@"`)
  }
  const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  const listeners = new Set<() => void>()
  child.stdout.on('data', (chunk) => {
    stdout += chunk
    for (const listener of listeners) listener()
  })
  child.stderr.on('data', (chunk) => (stderr += chunk))
  const timer = setTimeout(() => {
    stderr += '\n(killed: it did not end)'
    child.kill('SIGKILL')
  }, deadlineMs)
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ code, signal, stdout, stderr })
    })
  })
  return {
    process: child,
    says(pattern) {
      return new Promise((resolve, reject) => {
        const look = () => {
          const match = stdout.match(pattern)
          if (match === null) return
          listeners.delete(look)
          resolve(match)
        }
        listeners.add(look)
        look()
        void ended.then(() => reject(new Error(`it ended without a word: ${stdout}${stderr}`)))
      })
    },
    ended,
  }
}
