/** A file as the subject of a trace: one read, by the model's own driver. */
import { closeSync, openSync } from 'node:fs'
import { type Driver, FileOperation, Kind, type Model, type Operation, type PhaseStamps } from 'fivefold'
import { POSIX_FADV_DONTNEED, posix_fadvise } from 'fivefold/sys'
import { note } from './recorder.js'

export interface OpenFile {
  readonly fd: number
  /** The kernel forgets what it has of it in memory, so that the device is asked. */
  goCold(): void
  /** Reads its beginning. */
  read(): Promise<PhaseStamps>
  close(): void
}

let driver: Driver | null = null

export function openFile(model: Model, path: string, bytes: number): OpenFile {
  const opened = (driver ??= model.open({ host: 'dedicated' }))
  const fd = openSync(path, 'r')
  return {
    fd,
    goCold: () => posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED),
    async read() {
      let result: number | null = null
      const operation = new FileOperation(Kind.read, fd, {
        completed(completed: Operation) {
          result = completed.result
          note('data', result)
        },
      })
      operation.buffers = [new Uint8Array(bytes)]
      operation.position = 0
      operation.stamps = { called: 0, ready: 0, copied: 0, delivered: 0 }
      opened.submit(operation)
      while (result === null) {
        opened.turn(20)
        await new Promise((resolve) => setImmediate(resolve))
      }
      if (result !== bytes) throw new Error(`read: ${result}`)
      return operation.stamps
    },
    close: () => closeSync(fd),
  }
}
