/**
 * An instance of tracefs: a trace buffer of our own, beside everybody else's. It is a directory that is made and
 * removed; nothing outside of it is touched. (Documentation/trace/ftrace.rst, "Instances")
 *
 * It does not outlive us: it is removed at the end, at exit, and, where a process had no time for that (SIGKILL), by
 * the next that makes one. While its maker lives, the kernel refuses to remove it: a file in it is open.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Unusable } from '../trace.js'

export class TracefsUnusable extends Error {
  readonly reason: Unusable

  constructor(reason: Unusable, detail: string) {
    super(detail)
    this.reason = reason
  }
}

const PREFIX = 'fivefold-'
const ours = /^fivefold-(\d+)-(\d+)$/

/** Where tracefs is mounted. @throws TracefsUnusable */
export function tracefs(mounts: string = readFileSync('/proc/self/mountinfo', 'utf8')): string {
  for (const line of mounts.split('\n')) {
    // `36 35 98:0 / /mnt rw,noatime master:1 - tracefs none rw`: the fifth is where, after the dash is what.
    const [before, after] = line.split(' - ')
    if (after?.startsWith('tracefs ')) return before!.split(' ')[4]!
  }
  throw new TracefsUnusable('not-mounted', 'no tracefs in /proc/self/mountinfo')
}

/** A process's start, in clock ticks since boot: with it, a number that is used again is another. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name is in brackets and may hold any; the state follows, and the start is the 20th from there.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}

/** Removes instances whose makers are gone. @returns their names */
export function sweep(root: string): string[] {
  const removed: string[] = []
  for (const name of readdirSync(join(root, 'instances'))) {
    const [, pid, start] = ours.exec(name) ?? []
    if (pid === undefined || startOf(Number(pid)) === start) continue
    try {
      rmdirSync(join(root, 'instances', name))
      removed.push(name)
    } catch {
      // Somebody looks at it just now, or was faster. The next may.
    }
  }
  return removed
}

export class Instance {
  readonly #path: string
  /** Held open: it says who lives. */
  #switch = -1
  readonly #atExit = () => this.close()

  /** @throws TracefsUnusable */
  constructor(root: string) {
    this.#path = join(root, 'instances', `${PREFIX}${process.pid}-${startOf(process.pid)}`)
    try {
      sweep(root)
      mkdirSync(this.#path)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      // ENOENT: built without instances, or hidden from us by an empty mount.
      throw new TracefsUnusable(code === 'ENOENT' ? 'no-events' : 'no-right', message)
    }
    process.on('exit', this.#atExit)
    try {
      this.#switch = openSync(join(this.#path, 'tracing_on'), 'w')
      this.stop()
    } catch (error) {
      this.close()
      throw new TracefsUnusable('no-right', (error as Error).message)
    }
  }

  /** Writes into one of its files. */
  set(file: string, value: string | number): void {
    writeFileSync(join(this.#path, file), `${value}\n`)
  }

  /** @param event `sock:sk_data_ready`. @returns false: this kernel does not have it */
  enable(event: string): boolean {
    const file = join('events', ...event.split(':'), 'enable')
    if (!existsSync(join(this.#path, file))) return false
    this.set(file, 1)
    return true
  }

  /** What it recorded is forgotten, and it records. */
  start(): void {
    writeFileSync(join(this.#path, 'trace'), '')
    writeSync(this.#switch, '1')
  }

  stop(): void {
    writeSync(this.#switch, '0')
  }

  read(): string {
    return readFileSync(join(this.#path, 'trace'), 'latin1')
  }

  /** Removes it. More than once does no harm. */
  close(): void {
    process.off('exit', this.#atExit)
    if (this.#switch >= 0) {
      try {
        this.stop()
      } catch {}
      closeSync(this.#switch)
      this.#switch = -1
    }
    if (existsSync(this.#path)) rmdirSync(this.#path)
  }
}
