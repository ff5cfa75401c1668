/** A file that a command is to write: whether that can be done is known before anything is measured. */
import { existsSync, unlinkSync, writeFileSync } from 'node:fs'
import { Failure } from '../failure.js'
import type { Text } from '../text/language.js'

/** The file is left as it was. @throws Failure where it cannot be written */
export function mustTake(path: string, text: Text): void {
  const there = existsSync(path)
  write(path, '', text, 'a')
  if (!there) unlinkSync(path)
}

/** @throws Failure where it cannot be written */
export function write(path: string, content: string, text: Text, flag = 'w'): void {
  try {
    writeFileSync(path, content, { flag })
  } catch (error) {
    throw new Failure(text.errors.notWritten(path, (error as Error).message))
  }
}
