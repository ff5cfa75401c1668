/** Where the output goes: how wide it is, and whether it has colours. */
import type { WriteStream } from 'node:tty'

type Paint = (text: string) => string

export interface Style {
  readonly bold: Paint
  readonly dim: Paint
  readonly good: Paint
  readonly bad: Paint
  readonly first: Paint
  readonly second: Paint
}

const paint =
  (on: number, off: number): Paint =>
  (text) =>
    text === '' ? text : `\x1b[${on}m${text}\x1b[${off}m`

const coloured: Style = {
  bold: paint(1, 22),
  dim: paint(2, 22),
  good: paint(32, 39),
  bad: paint(31, 39),
  first: paint(33, 39),
  second: paint(36, 39),
}
const plain: Paint = (text) => text
const colourless: Style = { bold: plain, dim: plain, good: plain, bad: plain, first: plain, second: plain }

export interface Terminal {
  readonly columns: number
  readonly isTTY: boolean
  readonly style: Style
  write(text: string): void
  line(text?: string): void
}

/** The widest a text is set, and what is taken where there is no terminal to ask. */
const WIDEST = 100

/** Colours on a terminal alone, and not where NO_COLOR is set (Node's own rules: `hasColors`). */
export function terminalOf(stream: NodeJS.WriteStream | WriteStream): Terminal {
  const isTTY = stream.isTTY === true
  const colours = isTTY && stream.hasColors(16)
  return {
    isTTY,
    columns: isTTY ? Math.min(WIDEST, Math.max(40, stream.columns || 80)) : WIDEST,
    style: colours ? coloured : colourless,
    write: (text) => void stream.write(text),
    line: (text = '') => void stream.write(`${text}\n`),
  }
}

/** Tells on stderr how far a long job is: one line that is written over on a terminal, else a line for each step. */
export class Progress {
  readonly #terminal: Terminal
  readonly #total: number
  #done = 0
  #shown = false

  constructor(terminal: Terminal, total: number) {
    this.#terminal = terminal
    this.#total = total
  }

  /** What is done now. On a terminal also the smaller steps are shown. */
  at(what: string, detail = ''): void {
    const { isTTY, style } = this.#terminal
    const share = `[${this.#done + 1}/${this.#total}]`
    if (isTTY) {
      this.#terminal.write(
        `\r\x1b[2K${style.dim(share)} ${what}${detail === '' ? '' : style.dim(` · ${detail}`)}`,
      )
      this.#shown = true
    } else if (detail === '') this.#terminal.line(`${share} ${what}`)
  }

  /** The step is over. */
  next(): void {
    this.#done++
  }

  /** Leaves nothing behind on a terminal. */
  clear(): void {
    if (this.#shown) this.#terminal.write('\r\x1b[2K')
    this.#shown = false
  }
}
