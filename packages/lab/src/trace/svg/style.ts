/**
 * The colours of the drawing: light and dark, by the reader's wish. Inside a page, `data-theme="light"` or `"dark"` on
 * an element around it decides instead. On paper it is light.
 */

interface Palette {
  readonly paper: string
  readonly ink: string
  readonly dim: string
  readonly line: string
  readonly kernel: string
  readonly first: string
  readonly firstInk: string
  readonly second: string
  readonly secondInk: string
  readonly running: string
  readonly polling: string
  readonly asleep: string
  readonly runnable: string
  readonly witness: string
}

/** Told apart without red and green as well: by lightness, and asleep is an outline. */
const light: Palette = {
  paper: '#ffffff',
  ink: '#1c2430',
  dim: '#5b6675',
  line: '#8b96a5',
  kernel: '#3f4b5c',
  first: '#fff3d6',
  firstInk: '#8a5a00',
  second: '#dcebff',
  secondInk: '#0b57b0',
  running: '#1f9d6b',
  polling: '#d6336c',
  asleep: '#eef1f5',
  runnable: '#f0b429',
  witness: '#7048c6',
}

const dark: Palette = {
  paper: '#12161c',
  ink: '#e6ebf2',
  dim: '#9aa6b5',
  line: '#6b7686',
  kernel: '#aab6c6',
  first: '#33290f',
  firstInk: '#f2c14e',
  second: '#12294a',
  secondInk: '#7db4ff',
  running: '#35c98e',
  polling: '#f0669a',
  asleep: '#1d242d',
  runnable: '#e0a82e',
  witness: '#b79bff',
}

const MONO = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
const SANS = "system-ui, 'Segoe UI', 'Noto Sans', 'Noto Sans CJK SC', 'DejaVu Sans', sans-serif"

function rules(scope: string, palette: Palette): string {
  const fill: Record<string, string> = {
    paper: palette.paper,
    ink: palette.ink,
    dim: palette.dim,
    head: palette.line,
    kernel: palette.kernel,
    first: palette.first,
    'first-ink': palette.firstInk,
    second: palette.second,
    'second-ink': palette.secondInk,
    running: palette.running,
    polling: palette.polling,
    asleep: palette.asleep,
    runnable: palette.runnable,
    witness: palette.witness,
  }
  const stroke: Record<string, string> = {
    line: palette.line,
    axis: palette.line,
    'first-line': palette.firstInk,
    'second-line': palette.secondInk,
    asleep: palette.line,
    gap: palette.paper,
    'witness-line': palette.witness,
  }
  return [
    ...Object.entries(fill).map(([name, colour]) => `${scope} .${name}{fill:${colour}}`),
    ...Object.entries(stroke).map(([name, colour]) => `${scope} .${name}{stroke:${colour}}`),
  ].join('')
}

/** What does not depend on the colours. */
const shapes = [
  `.ff-trace text{font:12px ${SANS}}`,
  `.ff-trace .code{font-family:${MONO};font-size:11.5px}`,
  `.ff-trace .number{font-family:${MONO};font-size:11px}`,
  '.ff-trace .title{font-size:16px;font-weight:600}',
  '.ff-trace .strong{font-weight:600}',
  '.ff-trace .line,.ff-trace .axis,.ff-trace .first-line,.ff-trace .second-line,.ff-trace .witness-line,.ff-trace .gap{fill:none}',
  '.ff-trace .line{stroke-width:1.2}',
  '.ff-trace .axis,.ff-trace .asleep{stroke-width:1}',
  '.ff-trace .first-line,.ff-trace .second-line{stroke-width:2}',
  '.ff-trace .witness-line{stroke-width:1.2;stroke-dasharray:3 2}',
  '.ff-trace .gap{stroke-width:4}',
].join('')

export const style = [
  shapes,
  rules('.ff-trace', light),
  `@media (prefers-color-scheme:dark){${rules('.ff-trace', dark)}}`,
  `@media screen{${rules('[data-theme=light] .ff-trace', light)}${rules('[data-theme=dark] .ff-trace', dark)}}`,
  `@media print{${rules('.ff-trace', light)}}`,
].join('')
