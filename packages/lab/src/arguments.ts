/** The command line: options by their declarations, and the values that people write, read strictly. */
import { parseArgs } from 'node:util'
import { type ModelName, models } from 'fivefold'
import { Failure, USAGE } from './failure.js'
import type { Text } from './text/language.js'

export interface Option {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  /** How the value is called in the help: `DURATION`. */
  readonly value?: string
}

export interface Parsed {
  readonly values: ReadonlyMap<string, string | true>
  readonly positionals: readonly string[]
}

/** Options that every command takes. */
export const common = {
  help: { type: 'boolean', short: 'h' },
  lang: { type: 'string', value: 'en|zh' },
} as const satisfies Record<string, Option>

/** Reads a command's arguments. @throws Failure for what it does not know, in one line */
export function parse(
  declared: Readonly<Record<string, Option>>,
  argv: readonly string[],
  text: Text,
  mostPositionals: number,
): Parsed {
  const options = { ...common, ...declared }
  // Lenient, because the library's own complaints are in English alone: the tokens are judged below.
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    tokens: true,
    allowPositionals: true,
  })
  const values = new Map<string, string | true>()
  const positionals: string[] = []
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue
    if (token.kind === 'positional') {
      if (positionals.push(token.value) > mostPositionals) {
        throw new Failure(text.errors.tooManyArguments(token.value), USAGE)
      }
      continue
    }
    const option = (options as Record<string, Option>)[token.name]
    if (option === undefined) throw new Failure(text.errors.unknownOption(token.rawName), USAGE)
    if (option.type === 'boolean') {
      if (token.value !== undefined) throw new Failure(text.errors.takesNoValue(token.rawName), USAGE)
      values.set(token.name, true)
    } else {
      if (token.value === undefined || (!token.inlineValue && /^--?[a-z]/.test(token.value))) {
        throw new Failure(text.errors.needsValue(token.rawName, option.value ?? ''), USAGE)
      }
      values.set(token.name, token.value)
    }
  }
  return { values, positionals }
}

/** One option's value as a string, or undefined. */
export function given(parsed: Parsed, name: string): string | undefined {
  const value = parsed.values.get(name)
  return typeof value === 'string' ? value : undefined
}

export function has(parsed: Parsed, name: string): boolean {
  return parsed.values.has(name)
}

// ---- values

const timeUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 }

/** `500ms`, `2s`, `1.5s`, `1m`. @returns milliseconds */
export function duration(value: string, text: Text): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(value) ?? []
  const milliseconds = number === undefined ? Number.NaN : Number(number) * timeUnits[unit!]!
  if (!(milliseconds >= 20 && milliseconds <= 3_600_000))
    throw new Failure(text.errors.badDuration(value), USAGE)
  return milliseconds
}

const sizeUnits: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  kib: 1024,
  m: 1048576,
  mib: 1048576,
}

/** `64`, `4k`, `4KiB`, `1MiB`. @returns bytes, from 1 to `most` */
export function size(value: string, most: number, text: Text): number {
  const [, number, unit] = /^(\d+)([a-z]*)$/i.exec(value) ?? []
  const bytes =
    number === undefined ? Number.NaN : Number(number) * (sizeUnits[unit!.toLowerCase()] ?? Number.NaN)
  if (!(bytes >= 1 && bytes <= most)) throw new Failure(text.errors.badSize(value, most), USAGE)
  return bytes
}

/** The most connections that can be asked for: more than a process may have descriptors anywhere. */
export const MOST_CONNECTIONS = 1_000_000

/** `1,64,1000`. */
export function counts(value: string, text: Text): number[] {
  const found = value.split(',').map((part) => (/^\d+$/.test(part.trim()) ? Number(part) : Number.NaN))
  if (!found.every((count) => count >= 1 && count <= MOST_CONNECTIONS)) {
    throw new Failure(text.errors.badConnections(value), USAGE)
  }
  return [...new Set(found)]
}

export function port(value: string, text: Text): number {
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN
  if (!(number <= 65535)) throw new Failure(text.errors.badPort(value), USAGE)
  return number
}

export function oneOf<Choice extends string>(
  option: string,
  value: string,
  choices: readonly Choice[],
  text: Text,
): Choice {
  const found = choices.find((choice) => choice === value)
  if (found === undefined) throw new Failure(text.errors.badChoice(option, value, choices.join(', ')), USAGE)
  return found
}

export const modelNames: readonly ModelName[] = models.map((model) => model.name)

export function modelName(value: string, text: Text): ModelName {
  const found = modelNames.find((name) => name === value)
  if (found === undefined) throw new Failure(text.errors.unknownModel(value, modelNames.join(', ')), USAGE)
  return found
}

/** `epoll,io_uring`, in the textbook's order whatever the order given. */
export function modelList(value: string, text: Text): ModelName[] {
  const wanted = new Set(value.split(',').map((part) => modelName(part.trim(), text)))
  return modelNames.filter((name) => wanted.has(name))
}
