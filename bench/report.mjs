// The table of promises from the JSON file of an earlier run: node bench/report.mjs FILE.json [--markdown]
import { parseArgs } from 'node:util'
import { reportOf } from './lib/earlier.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { markdown: { type: 'boolean' } },
})
if (positionals.length !== 1) {
  console.error('node bench/report.mjs FILE.json [--markdown]')
  process.exit(2)
}
try {
  console.log(reportOf(positionals[0], values.markdown ?? false))
} catch (error) {
  console.error(/** @type {Error} */ (error).message)
  process.exit(1)
}
