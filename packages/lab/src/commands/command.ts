/** What a command is, and what it is run with. */
import type { Option, Parsed } from '../arguments.js'
import type { Terminal } from '../terminal/terminal.js'
import type { Text } from '../text/language.js'

export interface Invocation {
  readonly parsed: Parsed
  readonly text: Text
  readonly out: Terminal
  readonly err: Terminal
  /** Aborted by SIGINT, SIGTERM or SIGHUP: stop, and leave nothing running. */
  readonly signal: AbortSignal
  /** The whole command line, for the record. */
  readonly commandLine: string
}

export interface Command {
  readonly name: keyof Text['commands']
  readonly options: Readonly<Record<string, Option>>
  readonly mostPositionals: number
  /** @returns the exit status */
  run(invocation: Invocation): Promise<number> | number
}
