/** The threads of this process, as the kernel lists them, and what each sleeps in. */
import { readdirSync, readFileSync } from 'node:fs'

export interface Task {
  readonly tid: number
  readonly name: string
  /** The number of the system call it is in; null: none, or not told. */
  readonly call: number | null
  /** That call's first argument. */
  readonly fd: number | null
}

function read(tid: number, file: string): string {
  try {
    return readFileSync(`/proc/self/task/${tid}/${file}`, 'utf8').trim()
  } catch {
    // It has just ended, or the kernel does not tell.
    return ''
  }
}

export function tasks(): Task[] {
  return readdirSync('/proc/self/task').map((name) => {
    const tid = Number(name)
    const [call = '', first = ''] = read(tid, 'syscall').split(' ')
    const known = /^\d+$/.test(call)
    return {
      tid,
      name: read(tid, 'comm'),
      call: known ? Number(call) : null,
      fd: known ? Number(first) : null,
    }
  })
}

export function since(before: readonly Task[]): Task[] {
  const known = new Set(before.map(({ tid }) => tid))
  return tasks().filter(({ tid }) => !known.has(tid))
}
