/** Which language the command speaks: `--lang`, or what the environment says. */
import { en } from './en.js'
import { zh } from './zh.js'

/**
 * Everything the command says. English is the model, so the compiler refuses a language that lacks a text, has
 * one too many, or takes other values into it.
 */
export type Text = typeof en

export type Language = 'en' | 'zh'

export const languages: Readonly<Record<Language, Text>> = { en, zh }

/** The language of the environment, by POSIX's order of precedence; English where it is not Chinese. */
export function languageOf(environment: NodeJS.ProcessEnv): Language {
  const locale = environment.LC_ALL || environment.LC_MESSAGES || environment.LANG || ''
  return /^zh([_.@-]|$)/i.test(locale) ? 'zh' : 'en'
}
