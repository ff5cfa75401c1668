/** The program: finds the language and the command, runs it, and ends with one clear line if it fails. */
import { readFileSync } from 'node:fs'
import { parse } from './arguments.js'
import type { Command } from './commands/command.js'
import { commands } from './commands/commands.js'
import { help, helpOf } from './commands/help.js'
import { Failure, oneLine, USAGE } from './failure.js'
import { terminalOf } from './terminal/terminal.js'
import { type Language, languageOf, languages } from './text/language.js'

const out = terminalOf(process.stdout)
const err = terminalOf(process.stderr)

/** `--lang` counts wherever it stands, so that even the complaint about another option is in that language. */
function languageAsked(argv: readonly string[]): string | undefined {
  for (const [index, argument] of argv.entries()) {
    if (argument === '--lang') return argv[index + 1]
    if (argument.startsWith('--lang=')) return argument.slice('--lang='.length)
  }
  return undefined
}

async function main(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const asked = languageAsked(argv)
  const text = languages[asked === 'en' || asked === 'zh' ? asked : languageOf(process.env)]
  if (asked !== undefined && !Object.hasOwn(languages, asked)) {
    throw new Failure(
      text.errors.badChoice('--lang', asked, (Object.keys(languages) as Language[]).join(', ')),
      USAGE,
    )
  }
  const at = argv.findIndex((argument, index) => !argument.startsWith('-') && argv[index - 1] !== '--lang')
  const name = argv[at]
  if (name === undefined || name === 'help') {
    const rest = argv.filter((_, index) => index !== at)
    if (rest.includes('--version')) {
      out.line(version())
      return 0
    }
    const { positionals, values } = parse({}, rest, text, name === 'help' ? 1 : 0)
    const wanted = positionals[0]
    if (wanted !== undefined) helpOf(commandNamed(wanted), text, out)
    else help(commands, text, name === undefined && !values.has('help') ? err : out)
    return name === undefined && !values.has('help') ? USAGE : 0
  }
  const command = commandNamed(name)
  const rest = [...argv.slice(0, at), ...argv.slice(at + 1)]
  const parsed = parse(command.options, rest, text, command.mostPositionals)
  if (parsed.values.has('help')) {
    helpOf(command, text, out)
    return 0
  }
  const commandLine = ['fivefold', ...argv].join(' ')
  return await command.run({ parsed, text, out, err, signal, commandLine })

  function commandNamed(wanted: string): Command {
    const found = commands.find((candidate) => candidate.name === wanted)
    if (found !== undefined) return found
    const names = commands.map((candidate) => candidate.name).join(', ')
    throw new Failure(text.errors.unknownCommand(wanted, names), USAGE)
  }
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return version
}

// A pipe that closes early (`| head`) ends the command, quietly.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

process.stderr.on('error', () => {})

const interrupted = new AbortController()
const statusOf = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const
let endedBy: keyof typeof statusOf | null = null
for (const name of Object.keys(statusOf) as (keyof typeof statusOf)[]) {
  process.once(name, () => {
    endedBy = name
    interrupted.abort(new Failure(name))
  })
}

try {
  process.exitCode = await main(process.argv.slice(2), interrupted.signal)
  // Told to end, and ended as it should: a server.
  endedBy = null
} catch (error) {
  if (endedBy === null) {
    err.line(`${err.style.bad('fivefold:')} ${oneLine(error)}`)
    process.exitCode = error instanceof Failure ? error.exitCode : 1
  }
}
if (endedBy !== null) process.exitCode = statusOf[endedBy]
