#!/usr/bin/env node
/** The `fivefold` command. What keeps it from starting at all (no Linux, no koffi, no descriptors) is one line, too. */
try {
  await import('./main.js')
} catch (error) {
  const message = error instanceof Error ? error.message : String(error)
  process.stderr.write(`fivefold: ${message.replace(/\s*\n\s*/g, ' ')}\n`)
  process.exitCode = 1
}
