// The folder that static servers serve: one file for each size that is asked for.
import { mkdirSync, writeFileSync } from 'node:fs'
import { bin } from './paths.mjs'

export const site = `${bin}site`

/**
 * Makes the file of so many bytes.
 * @returns {{ path: string, body: string }} its path in the URL, and what is in it
 */
export function pageOf(/** @type {number} */ bytes) {
  const line = 'A page of a size that somebody asked for, and this is one of its lines.\n'
  const body = line.repeat(Math.ceil(bytes / line.length)).slice(0, bytes)
  mkdirSync(site, { recursive: true })
  writeFileSync(`${site}/${bytes}.txt`, body)
  return { path: `${bytes}.txt`, body }
}
