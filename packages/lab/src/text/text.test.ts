import assert from 'node:assert/strict'
import { test } from 'node:test'
import { en } from './en.js'
import { languageOf } from './language.js'
import { zh } from './zh.js'

type Leaf = string | ((...values: unknown[]) => unknown)

function* leaves(tree: unknown, path: readonly string[] = []): Generator<readonly [string, Leaf]> {
  for (const [key, value] of Object.entries(tree as Record<string, unknown>)) {
    if (typeof value === 'object' && value !== null) yield* leaves(value, [...path, key])
    else yield [[...path, key].join('.'), value as Leaf]
  }
}

/** What is the same in every language, or has no words. */
const same =
  /^(none|comma|count|bytes|list)$|\.(title|time|cell|complaint|system|failed|library|handler|command|software|errorsNote|note|usage)$/

test('every text exists in both languages, with the same values in it', () => {
  const english = new Map(leaves(en))
  const chinese = new Map(leaves(zh))
  assert.deepEqual([...chinese.keys()].sort(), [...english.keys()].sort())
  for (const [path, text] of english) {
    const other = chinese.get(path)!
    assert.equal(typeof other, typeof text, path)
    if (typeof text !== 'function' || typeof other !== 'function') continue
    // A translation may leave nothing out that it is told, except whether it is one or many.
    const values = Array.from({ length: Math.max(text.length, other.length) }, (_, index) => 1001 + index)
    if (/findings|machine|list|legend/.test(path)) continue
    for (const value of values.slice(0, Math.min(text.length, other.length))) {
      const digits = value.toLocaleString('en')
      const inEnglish = String(text(...values)).includes(digits)
      assert.equal(String(other(...values)).includes(digits), inEnglish, `${path}: ${digits}`)
    }
  }
})

test('the Chinese texts are Chinese', () => {
  for (const [path, text] of leaves(zh)) {
    if (same.test(path)) continue
    const said =
      typeof text === 'string' ? text : String(text(...Array.from({ length: text.length }, () => '1')))
    assert.match(said, /\p{Script=Han}/u, path)
  }
  for (const [path, text] of leaves(en)) {
    const said =
      typeof text === 'string' ? text : path === 'list' ? '' : String(text(...Array(text.length).fill('1')))
    assert.doesNotMatch(said, /\p{Script=Han}/u, path)
  }
})

test('the language of the environment', () => {
  assert.equal(languageOf({ LANG: 'zh_CN.UTF-8' }), 'zh')
  assert.equal(languageOf({ LANG: 'zh_CN.UTF-8', LC_ALL: 'C' }), 'en')
  assert.equal(languageOf({ LANG: 'en_US.UTF-8', LC_MESSAGES: 'zh_TW' }), 'zh')
  assert.equal(languageOf({ LC_ALL: '', LANG: 'zh' }), 'zh')
  assert.equal(languageOf({ LANG: 'zhx' }), 'en')
  assert.equal(languageOf({}), 'en')
})
