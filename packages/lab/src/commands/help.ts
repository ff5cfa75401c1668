/** The help, of the command as a whole and of each of its commands: from their declarations and the catalogue. */
import { common, type Option } from '../arguments.js'
import type { Terminal } from '../terminal/terminal.js'
import { pad, widthOf, wrap } from '../terminal/width.js'
import type { Text } from '../text/language.js'
import type { Command } from './command.js'

export function helpOf(command: Command, text: Text, out: Terminal): void {
  const about = text.commands[command.name]
  const { style } = out
  out.line(`${style.bold('fivefold')} ${about.usage}`)
  out.line()
  for (const line of wrap(about.about, out.columns)) out.line(line)
  out.line()
  out.line(style.bold(text.help.options))
  const told = { ...text.commonOptions, ...about.options } as Readonly<Record<string, string>>
  const options: [string, Option][] = [...Object.entries(command.options), ...Object.entries(common)]
  list(
    options.map(([name, option]) => [optionUsage(name, option), told[name] ?? '']),
    out,
  )
}

export function help(commands: readonly Command[], text: Text, out: Terminal): void {
  const { style } = out
  out.line(`${style.bold('fivefold')} ${text.help.usage}`)
  out.line()
  for (const line of wrap(text.help.about, out.columns)) out.line(line)
  out.line()
  out.line(style.bold(text.help.commands))
  list(
    [
      ...commands.map((command): [string, string] => [
        text.commands[command.name].usage.replace(/ \[.*$/, ''),
        text.commands[command.name].summary,
      ]),
      ['help COMMAND', text.help.summary],
    ],
    out,
  )
  out.line()
  out.line(style.bold(text.help.options))
  const rows = Object.entries(common).map(([name, option]): [string, string] => [
    optionUsage(name, option),
    text.commonOptions[name as keyof typeof common],
  ])
  list([...rows, ['--version', text.help.version]], out)
}

function optionUsage(name: string, { short, value }: Option): string {
  return `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`
}

function list(rows: readonly (readonly [string, string])[], out: Terminal): void {
  const width = Math.max(...rows.map(([left]) => widthOf(left)))
  for (const [left, right] of rows) {
    const lines = wrap(right, out.columns - width - 4)
    lines.forEach((line, index) => {
      out.line(`  ${pad(index === 0 ? left : '', width)}  ${line}`.trimEnd())
    })
  }
}
