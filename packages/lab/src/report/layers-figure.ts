/**
 * The layers as the textbook draws them: the OSI model beside the Internet's suite, the user's process above the transport
 * layer and the kernel from it down; and at the line between them the calls that this run really made.
 */
import type { Bars } from '../claims/claim.js'
import type { Text } from '../text/language.js'
import { html, type Markup } from './html.js'

const WIDTH = 360
const ROW = 30
const HEAD = 24
/** The OSI model on the left, the Internet's suite in the middle, whose code it is on the right. */
const OSI = { x: 0, width: 108 }
const SUITE = { x: 116, width: 130 }
const WHOSE_X = 253
const CALLS_IN_A_ROW = 3
const CALL_ROW = 16

export function layersFigure({ bars }: Bars, title: string, text: Text): Markup {
  const says = text.report.layers
  const callRows = Math.ceil(bars.length / CALLS_IN_A_ROW)
  const line = HEAD + 3 * ROW
  const below = line + 16 + callRows * CALL_ROW + 8
  const height = below + 4 * ROW + 4

  const box = (x: number, y: number, width: number, rows: number, name: string) =>
    html`<rect x="${x + 1}" y="${y + 1}" width="${width - 2}" height="${rows * ROW - 2}" rx="3"/><text x="${x + width / 2}" y="${y + (rows * ROW) / 2 + 4}" text-anchor="middle">${name}</text>`
  const whose = (from: number, to: number, name: string) =>
    html`<path class="bracket" d="M${WHOSE_X} ${from + 3}h5V${to - 3}h-5"/><text class="whose" x="${WHOSE_X + 11}" y="${(from + to) / 2 + 4}">${name}</text>`
  const call = ({ label, value }: Bars['bars'][number], index: number) =>
    html`<text class="call" x="${(index % CALLS_IN_A_ROW) * (WIDTH / CALLS_IN_A_ROW) + 4}" y="${line + 27 + Math.floor(index / CALLS_IN_A_ROW) * CALL_ROW}" data-value="${value}" data-of="${label}" aria-label="${label}: ${value}">${label} × ${value}</text>`

  return html`<svg class="layers" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${title}">
<text class="head" x="${OSI.x + OSI.width / 2}" y="15" text-anchor="middle">${says.osi}</text><text class="head" x="${SUITE.x + SUITE.width / 2}" y="15" text-anchor="middle">${says.suite}</text>
${says.upper.map((name, index) => box(OSI.x, HEAD + index * ROW, OSI.width, 1, name))}${box(SUITE.x, HEAD, SUITE.width, 3, says.application)}${whose(HEAD, line, says.process)}
<rect class="across" x="0" y="${line}" width="${WIDTH}" height="${below - line}"/><path class="line" d="M0 ${line}H${WIDTH}"/>
${bars.map(call)}
${says.lower.map((name, index) => box(OSI.x, below + index * ROW, OSI.width, 1, name))}${box(SUITE.x, below, SUITE.width / 2, 1, 'TCP')}${box(SUITE.x + SUITE.width / 2, below, SUITE.width / 2, 1, 'UDP')}${box(SUITE.x, below + ROW, SUITE.width, 1, 'IPv4, IPv6')}${box(SUITE.x, below + 2 * ROW, SUITE.width, 2, says.device)}${whose(below, below + 4 * ROW, says.kernel)}
</svg>`
}
