import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { en } from '../text/en.js'
import type { Text } from '../text/language.js'
import { zh } from '../text/zh.js'
import { experiments } from './experiments.js'
import { textOf } from './words.js'

const placeholders = (sentence: string): string[] =>
  [...sentence.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!).sort()

test('every experiment and each of its claims has its words, and no words are left over', () => {
  const names = experiments.map(({ name }) => name)
  assert.equal(new Set(names).size, names.length)
  for (const text of [en, zh] as Text[]) {
    assert.deepEqual(Object.keys(text.claims.experiments).sort(), [...names].sort())
    for (const { name, claims } of experiments) {
      assert.deepEqual(Object.keys(textOf(name, text).claims).sort(), [...claims].sort(), name)
    }
  }
})

test('both languages name the same numbers', () => {
  for (const { name } of experiments) {
    const [english, chinese] = [textOf(name, en), textOf(name, zh)]
    for (const [claim, { says, evidence, when }] of Object.entries(english.claims)) {
      const other = chinese.claims[claim]!
      assert.deepEqual(placeholders(says), [], `${name} ${claim}: a claim is not measured`)
      assert.deepEqual(placeholders(other.evidence), placeholders(evidence), `${name} ${claim}`)
      assert.equal(other.when === undefined, when === undefined, `${name} ${claim}`)
      assert.deepEqual(placeholders(other.when ?? ''), placeholders(when ?? ''), `${name} ${claim}`)
    }
  }
})

test('every experiment has a test of its verdicts', () => {
  const folder = new URL('../../src/claims/', import.meta.url)
  const tests = readdirSync(folder).filter((name) => /^judging-.*\.test\.ts$/.test(name))
  const tried = tests.map((name) => readFileSync(new URL(name, folder), 'utf8')).join('\n')
  for (const { name } of experiments) {
    const own = name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
    assert.match(tried, new RegExp(`^bites\\(${own}, `, 'm'))
  }
})
