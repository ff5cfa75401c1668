/** A trial as people read it: the verdicts with a line of evidence each, and what there is to be tried. */
import type { Experiment, Trial, VerdictName } from '../claims/claim.js'
import { findingText, quantityText, textOf } from '../claims/words.js'
import type { Style, Terminal } from '../terminal/terminal.js'
import { widthOf, wrap } from '../terminal/width.js'
import type { Text } from '../text/language.js'

/** When others take more of the machine than this, times are not worth much. */
const BUSY = 0.1

function paintOf(style: Style): Readonly<Record<VerdictName, (text: string) => string>> {
  return {
    holds: style.good,
    'holds-when': style.first,
    'does-not-hold': style.bad,
    'not-tested': style.dim,
  }
}

function paragraph(out: Terminal, said: string, indent: number, paint = (line: string) => line): void {
  const room = ' '.repeat(indent)
  for (const line of wrap(said, out.columns - indent)) out.line(room + paint(line))
}

export function showTrial({ results, quick, environment }: Trial, text: Text, out: Terminal): void {
  const { style } = out
  const paints = paintOf(style)
  const widest = Math.max(...Object.values(text.claims.verdicts).map(widthOf))
  const tally: Record<VerdictName, number> = {
    holds: 0,
    'holds-when': 0,
    'does-not-hold': 0,
    'not-tested': 0,
  }
  for (const { name, findings } of results) {
    out.line(`${style.bold(textOf(name, text).title)} ${style.dim(`(${name})`)}`)
    for (const finding of findings) {
      tally[finding.verdict]++
      const { says, verdict, evidence, when } = findingText(name, finding, text)
      const indent = widest + 4
      wrap(says, out.columns - indent).forEach((line, index) => {
        const left = index === 0 ? verdict + ' '.repeat(widest - widthOf(verdict)) : ' '.repeat(widest)
        out.line(`  ${paints[finding.verdict](left)}  ${line}`)
      })
      if (when !== null) paragraph(out, `${text.claims.condition} ${when}`, indent, style.first)
      paragraph(out, evidence, indent, style.dim)
    }
    out.line()
  }
  paragraph(
    out,
    text.claims.tally(tally.holds, tally['holds-when'], tally['does-not-hold'], tally['not-tested']),
    0,
  )
  if (quick) paragraph(out, text.claims.quick, 0)
  const { takenByOthers } = environment
  if (takenByOthers !== null && takenByOthers > BUSY) {
    const taken = quantityText({ value: takenByOthers, unit: 'share' }, text)
    paragraph(out, text.compare.findings.busy(taken), 0, style.bad)
  }
  const { system, software } = text.compare.machine
  paragraph(out, system(environment.kernel, environment.libc), 0, style.dim)
  paragraph(
    out,
    software(environment.version, environment.commit ?? '', environment.node, environment.koffi ?? ''),
    0,
    style.dim,
  )
}

export function listExperiments(wanted: readonly Experiment[], text: Text, out: Terminal): void {
  const { style } = out
  for (const { name, claims } of wanted) {
    const { question, method, claims: said } = textOf(name, text)
    out.line(style.bold(name))
    paragraph(out, question, 2)
    paragraph(out, method, 2, style.dim)
    for (const claim of claims) {
      wrap(said[claim]!.says, out.columns - 4).forEach((line, index) => {
        out.line(`${index === 0 ? '  · ' : '    '}${line}`)
      })
    }
    out.line()
  }
}
