/** The report in a real browser: every figure, both languages, dark and light, wide and narrow. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import type { Result } from '../measure/results.js'
import { type Language, languages } from '../text/language.js'
import { fixture } from './fixture.test.util.js'
import { page as pageOf } from './page.js'
import { phasesOf } from './phases.js'

/** So much of the browser's own world as the functions below, which run there, look at. */
interface Seen {
  readonly id: string
  readonly tagName: string
  readonly className: string
  readonly textContent: string
  readonly nextElementSibling: Seen
  readonly clientWidth: number
  readonly scrollWidth: number
  querySelector(selector: string): Seen | null
  querySelectorAll(selector: string): Iterable<Seen>
  closest(selector: string): Seen | null
  getAttribute(name: string): string | null
  checkVisibility(): boolean
  getBoundingClientRect(): { readonly right: number; readonly height: number }
}
declare const document: Seen & {
  readonly body: Seen
  readonly documentElement: Seen
  readonly activeElement: Seen
}
declare function getComputedStyle(
  it: Seen,
): Readonly<Record<'backgroundColor' | 'color' | 'outlineStyle', string>>

const CHROMIUM = '/usr/bin/chromium'
const required = process.env.FIVEFOLD_REQUIRE_BROWSER === '1'
const skip = !required && !existsSync(CHROMIUM) && `needs ${CHROMIUM}: apt-get install chromium`
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

describe('the report in a browser', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'fivefold-report-'))
  const results = fixture()
  const file = join(folder, 'report.html')
  const url = pathToFileURL(file).href
  const complaints: string[] = []
  let context: BrowserContext
  let page: Page

  before(async () => {
    writeFileSync(file, pageOf(results, 'en'))
    context = await chromium.launchPersistentContext(join(folder, 'profile'), {
      executablePath: CHROMIUM,
      headless: true,
      args: flags,
      reducedMotion: 'reduce',
      timeout: 300_000,
    })
    context.setDefaultTimeout(300_000)
    page = context.pages()[0]!
    page.on('console', (message) => complaints.push(`console: ${message.text()}`))
    page.on('pageerror', (error) => complaints.push(`error: ${error.message}`))
    page.on('request', (request) => {
      const [asked] = request.url().split('#')
      if (asked !== url && !/^(blob|data):/.test(request.url())) complaints.push(`request: ${request.url()}`)
    })
    await page.goto(url)
  })
  after(async () => {
    await context?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  /** By the keyboard: nothing that scrolls or moves comes between. */
  const speak = (language: Language) => page.locator(`input[name=language][value=${language}]`).press('Space')
  const edition = (language: Language) => page.locator(`.edition[data-language=${language}]`)

  interface Drawn {
    readonly title: string
    readonly marks: readonly (readonly [of: string, value: number])[]
  }
  /** The figures that a selector finds, with what their marks say. */
  const drawn = (selector: string): Promise<Drawn[]> =>
    page.locator(selector).evaluateAll((figures) =>
      (figures as unknown as Seen[]).map((figure) => ({
        title: figure.querySelector('figcaption')?.textContent ?? '',
        marks: [...figure.querySelectorAll('svg [data-value]')].map((mark): [string, number] => [
          mark.getAttribute('data-of') ?? '',
          Number(mark.getAttribute('data-value')),
        ]),
      })),
    )

  for (const language of ['en', 'zh'] as const) {
    const text = languages[language]
    const at = (selector: string) => `.edition[data-language=${language}] ${selector}`

    test(`${language}: the language is chosen, and the other one is out of sight`, async () => {
      await speak(language)
      assert(await edition(language).isVisible())
      assert(!(await edition(language === 'en' ? 'zh' : 'en').isVisible()))
      assert.equal(await page.title(), text.report.title)
      assert.equal(await page.locator('html').getAttribute('lang'), language === 'en' ? 'en' : 'zh-CN')
      assert.equal(await edition(language).locator('h1').textContent(), text.report.title)
    })

    test(`${language}: the five models are drawn from the traces`, async () => {
      await speak(language)
      const [figure] = await drawn(at('figure:has(svg.phases)'))
      const expected = results.traces
        .map(phasesOf)
        .flatMap(({ model, waitMicros, noticeMicros, copyMicros }): [string, number][] => [
          [`${model} wait`, waitMicros],
          ...(noticeMicros > 0 ? [[`${model} notice`, noticeMicros] as [string, number]] : []),
          [`${model} copy`, copyMicros],
        ])
      assert.deepEqual(figure?.marks, expected)
      // Longer is drawn longer.
      const heights = await page
        .locator(at('svg.phases [data-of$=" copy"]'))
        .evaluateAll((bars) =>
          (bars as unknown as Seen[]).map((bar): [number, number] => [
            Number(bar.getAttribute('data-value')),
            bar.getBoundingClientRect().height,
          ]),
        )
      heights.sort(([a], [b]) => a - b)
      for (const [index, [value, height]] of heights.entries()) {
        const [before, lower] = heights[index - 1] ?? [0, 0]
        // Drawn to a tenth of a pixel: only what differs by more must look different.
        assert(value > before * 1.05 ? height > lower : height >= lower, `${value}: ${height}`)
      }
    })

    test(`${language}: the charts of the comparison are its numbers`, async () => {
      await speak(language)
      const all = results.compare!.results
      const groups: Drawn[][] = []
      const count = await page.locator(at('section[id$=-compare] .charts')).count()
      for (let index = 0; index < count; index++)
        groups.push(await drawn(`${at('section[id$=-compare] .charts')} >> nth=${index} >> figure`))
      const loads = [
        ...[1, 64, 1000].map((connections) =>
          all.filter((it) => it.protocol === 'tcp' && it.connections === connections),
        ),
        all.filter((it) => it.protocol === 'file'),
      ]
      // A group for each load, and one of curves over the connections.
      assert.equal(groups.length, loads.length + 1)
      const says = text.report.measures
      for (const [index, load] of loads.entries()) {
        const measured = load.filter(({ reason }) => reason === null)
        const check = (title: string, numbers: (result: Result) => (number | null)[]) => {
          const marks = groups[index]!.find((it) => it.title === title)?.marks
          assert.deepEqual(
            marks?.map(([, value]) => value),
            measured.flatMap(numbers),
            title,
          )
          assert.deepEqual(
            [...new Set(marks!.map(([of]) => of.split(',')[0]))],
            measured.map(({ model }) => model),
          )
        }
        const files = load[0]!.protocol === 'file'
        check(files ? says.reads : says.rate, (it) => [it.messagesPerSecond])
        check(says.median, (it) => [it.latencyMicros!.p50])
        check(says.tail, (it) => [it.latencyMicros!.p99])
        check(files ? says.cpuOfReads : says.cpu, ({ cpuMicrosPerMessage: it }) => [it!.user, it!.system])
        check(says.idle, (it) => [it.cpuShareWhileWaiting])
        check(says.threads, (it) => [it.threads])
      }
      const curves = groups.at(-1)!.find(({ title }) => title === says.rate)!.marks
      const measured = all.filter(({ protocol, reason }) => protocol === 'tcp' && reason === null)
      assert.deepEqual(
        curves.map((mark) => mark.join()).toSorted(),
        measured.map((it) => `${it.model},${it.messagesPerSecond}`).toSorted(),
      )
    })

    test(`${language}: the claims have their verdicts, their evidence and their figures`, async () => {
      await speak(language)
      const trial = results.claims!
      for (const { name, findings, figures } of trial.results) {
        const article = page.locator(at(`article[id$=claim-${name}]`))
        const facts = await article
          .locator('dd[data-facts]')
          .evaluateAll((all) => (all as unknown as Seen[]).map((it) => it.getAttribute('data-facts')))
        assert.deepEqual(
          facts.map((it) => JSON.parse(it!)),
          findings.map((finding) => finding.facts),
        )
        const badges = await article.locator('.badge').allTextContents()
        assert.deepEqual(
          badges,
          findings.map(({ verdict }) => text.claims.verdicts[verdict]),
        )
        const shown = await drawn(at(`article[id$=claim-${name}] figure`))
        assert.deepEqual(
          shown.map(({ marks }) => marks.map(([, value]) => value)),
          figures.map((figure) =>
            figure.kind === 'bars'
              ? figure.bars.map(({ value }) => value)
              : figure.series.flatMap(({ points }) => points.map(([, y]) => y)),
          ),
        )
      }
      const links = page.locator(at('.verdicts a'))
      assert.equal(await links.count(), trial.results.flatMap(({ findings }) => findings).length)
      await links.last().click()
      assert.equal(new URL(page.url()).hash, `#${language}-claim-${trial.results.at(-1)!.name}`)
    })

    test(`${language}: the timelines stand behind tabs that keys reach`, async () => {
      await speak(language)
      const tabs = edition(language).getByRole('tab')
      const names = results.traces.map(({ model }) => model as string)
      assert.deepEqual(await tabs.allInnerTexts(), names)
      const shown = () =>
        page
          .locator(at('.panel'))
          .evaluateAll((all) =>
            (all as unknown as Seen[])
              .filter((it) => it.checkVisibility())
              .map((it) => it.id.replace(/^.*timeline-/, '')),
          )
      for (const [index, name] of names.entries()) {
        await tabs.nth(index).click()
        assert.deepEqual(await shown(), [name])
      }
      await page.keyboard.press('ArrowRight')
      assert.deepEqual(await shown(), [names[0]])
      await page.keyboard.press('End')
      assert.deepEqual(await shown(), [names.at(-1)])
      await page.keyboard.press('ArrowLeft')
      assert.deepEqual(await shown(), [names.at(-2)])
    })

    test(`${language}: every figure has a title, and its numbers in a table that opens`, async () => {
      await speak(language)
      const figures = page.locator(at('figure'))
      const count = await figures.count()
      assert(count > 20)
      for (let index = 0; index < count; index++) {
        const figure = figures.nth(index)
        assert((await figure.locator('figcaption').textContent()) !== '')
        const label = await figure.locator('svg[role=img]').getAttribute('aria-label')
        assert(label)
        await figure.locator('summary').click()
        assert(await figure.locator('table').isVisible(), label)
      }
    })

    for (const width of [390, 1280]) {
      for (const colorScheme of ['light', 'dark'] as const) {
        test(`${language}: nothing overflows at ${width} px, ${colorScheme}`, async () => {
          await page.setViewportSize({ width, height: 900 })
          await page.emulateMedia({ colorScheme })
          await speak(language)
          const [wide, out] = await page.evaluate((): [number, string[]] => {
            const { clientWidth, scrollWidth } = document.documentElement
            const scrolls = '.scroll, nav ul, .visually-hidden'
            const out = [...document.body.querySelectorAll('*')]
              .filter((it) => it.checkVisibility() && it.closest(scrolls) === null)
              .filter((it) => it.getBoundingClientRect().right > clientWidth + 0.5)
            return [scrollWidth, out.map((it) => `${it.tagName} ${it.textContent.slice(0, 60)}`)]
          })
          assert.deepEqual(out, [])
          assert.equal(wide, width)
          const [ground, ink] = await page.evaluate(() => {
            const { backgroundColor, color } = getComputedStyle(document.body)
            return [backgroundColor, color].map((it) => Number(/\d+/.exec(it)![0]))
          })
          assert(colorScheme === 'dark' ? ground! < ink! : ground! > ink!)
        })
      }
    }
  }

  test('the keyboard alone: the language by arrows, and the focus shows', async () => {
    await page.goto(`${url}#`)
    await page.reload()
    await page.keyboard.press('Tab')
    const outline = () =>
      page.evaluate(() => getComputedStyle(document.activeElement.nextElementSibling).outlineStyle)
    assert.equal(await outline(), 'solid')
    const other = (await edition('en').isVisible()) ? 'zh' : 'en'
    await page.keyboard.press(other === 'zh' ? 'ArrowRight' : 'ArrowLeft')
    assert(await edition(other).isVisible())
    await page.keyboard.press('Tab')
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('href')), `#${other}-models`)
  })

  test('a link leads to its place in its language; the language changes there', async () => {
    await speak('en')
    await page.goto(`${url}#zh-claims`)
    await edition('zh').waitFor()
    await speak('en')
    assert.equal(new URL(page.url()).hash, '#en-claims')
  })

  test('the results come out of the page as they went in', async () => {
    await speak('en')
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      edition('en').locator('.download').click(),
    ])
    const saved = JSON.parse(readFileSync(await download.path(), 'utf8'))
    assert.deepEqual(saved, results)
  })

  test('on paper everything is there and nothing is in the way', async () => {
    await page.emulateMedia({ media: 'print' })
    assert(!(await page.locator('.languages').isVisible()))
    const panels = await page
      .locator('.edition[data-language=en] .panel')
      .evaluateAll((all) => (all as unknown as Seen[]).filter((it) => it.checkVisibility()).length)
    assert.equal(panels, results.traces.length)
  })

  test('nothing was complained of, and nothing fetched', () => {
    assert.deepEqual(complaints, [])
  })
})
