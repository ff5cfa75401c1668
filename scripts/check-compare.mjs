// Fails unless a comparison's JSON shows real traffic through every mechanism that works on this machine.
import { readFileSync } from 'node:fs'
import { models } from 'fivefold'

const read = JSON.parse(readFileSync(process.argv[2], 'utf8'))
// A comparison's own, or that of a report.
const { results } = read.compare ?? read
const problems = []
for (const model of models) {
  if (!model.probe().ok) continue
  const rows = results.filter((row) => row.model === model.name && row.protocol !== 'file' && !row.reason)
  if (!rows.some((row) => row.messagesPerSecond > 0)) problems.push(`${model.name}: no traffic`)
  for (const row of rows) {
    if (row.errors !== 0) problems.push(`${model.name}, ${row.connections} connections: ${row.errors} errors`)
  }
}
for (const problem of problems) console.error(problem)
console.log(`${models.length} mechanisms, ${results.length} results, ${problems.length} problems`)
process.exit(problems.length === 0 ? 0 : 1)
