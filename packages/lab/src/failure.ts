/** What ends the command with one clear line on stderr: the line, and the exit status. */
export class Failure extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode = 1) {
    super(message)
    this.exitCode = exitCode
  }
}

/** The status of a command line that was not understood. */
export const USAGE = 2

/** Any error in one line: its message, and the cure where the library gives one. */
export function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error)
  return message.replace(/\s*\n\s*/g, ' ').trim()
}
