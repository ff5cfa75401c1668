import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fixture } from '../report/fixture.test.util.js'
import { run } from '../testing.js'

const folder = mkdtempSync(join(tmpdir(), 'fivefold-lab-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string) => join(folder, name)
const results = at('results.json')
writeFileSync(results, JSON.stringify(fixture()))

test('a page from results that were kept, and its last line is where it is', async () => {
  const page = at('page.html')
  const { status, out, err, left } = await run([
    'report',
    '--from',
    results,
    '-o',
    page,
    '--json',
    at('kept.json'),
  ])
  assert.equal(status, 0, err)
  assert.equal(out, `The report: ${page}\n`)
  assert.deepEqual(left, [])
  assert.match(readFileSync(page, 'utf8'), /^<!doctype html>\n<html lang="en">/)
  assert.deepEqual(JSON.parse(readFileSync(at('kept.json'), 'utf8')), fixture())
})

test('--lang decides which language is shown first; both are there', async () => {
  const page = at('zh.html')
  const { out } = await run(['report', '--from', results, '-o', page, '--lang', 'zh'])
  assert.equal(out, `报告：${page}\n`)
  const text = readFileSync(page, 'utf8')
  assert.match(text, /<html lang="zh-CN">/)
  assert(text.indexOf('value="zh"') < text.indexOf('value="en"'))
})

test('where nothing can be written nothing is measured, and nothing left', async () => {
  const page = at('page2.html')
  const { status, err } = await run(['report', '-o', page, '--json', at('no/where.json')])
  assert.equal(status, 1)
  assert.match(err, /^fivefold: .*where\.json cannot be written.*\n$/)
  assert(!existsSync(page))
})
