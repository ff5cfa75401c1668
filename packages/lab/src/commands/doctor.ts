/** `fivefold doctor`: what holds this machine back, and the commands that change it. */
import { has } from '../arguments.js'
import { facts } from '../doctor/facts.js'
import { type Finding, judge } from '../doctor/judge.js'
import { wrap } from '../terminal/width.js'
import type { Command } from './command.js'

export const doctor: Command = {
  name: 'doctor',
  options: { json: { type: 'boolean' } },
  mostPositionals: 0,
  run({ parsed, text, out, commandLine }) {
    const known = facts(commandLine)
    const findings = judge(known, text)
    const of = (state: Finding['state']) => findings.filter((finding) => finding.state === state).length
    const [broken, advice] = [of('broken'), of('advice')]
    const status = broken > 0 ? 1 : 0
    if (has(parsed, 'json')) {
      const { environment, auto, tier } = known
      out.line(JSON.stringify({ broken, advice, auto, tier, findings, environment }, null, 2))
      return status
    }
    const { style } = out
    const says = text.doctor
    const mark = { good: style.good('✓'), advice: style.first('!'), broken: style.bad('✗') }
    let topic: Finding['topic'] | null = null
    for (const finding of findings) {
      if (finding.topic !== topic)
        out.line(`${topic === null ? '' : '\n'}${style.bold(says.topics[finding.topic])}`)
      topic = finding.topic
      wrap(finding.message, out.columns - 4).forEach((line, index) => {
        out.line(`  ${index === 0 ? mark[finding.state] : ' '} ${line}`)
      })
      for (const command of finding.commands) out.line(`      ${command}`)
    }
    out.line()
    out.line(broken > 0 ? says.broken(broken, advice) : advice > 0 ? says.advice(advice) : says.allWell)
    return status
  },
}
