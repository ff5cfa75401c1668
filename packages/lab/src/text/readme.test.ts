/** The two READMEs keep step: the same sections, the same measured numbers, the same places pointed to. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

const read = (name: string) => readFileSync(new URL(`../../../../${name}`, import.meta.url), 'utf8')
const english = read('README.md')
const chinese = read('README.zh-CN.md')

test('the Chinese README has the sections of the English one', () => {
  const levels = (text: string) => text.match(/^#+(?= )/gm)
  assert.deepEqual(levels(chinese), levels(english))
})

test('both READMEs have the same measured numbers', () => {
  const numbers = (text: string) =>
    text
      .slice(text.indexOf('<!-- compare:begin -->'), text.indexOf('<!-- compare:end -->'))
      .match(/^\| \S+ \| `.*$/gm)
      ?.map((row) => row.replace(/^\| \S+ /, ''))
  assert.equal(numbers(english)?.length, 9)
  assert.deepEqual(numbers(chinese), numbers(english))
})

test('both READMEs point to the same pages', () => {
  const links = (text: string) =>
    new Set(
      [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, to]) => to!).filter((to) => !to.startsWith('README')),
    )
  assert.deepEqual([...links(chinese)].toSorted(), [...links(english)].toSorted())
})
