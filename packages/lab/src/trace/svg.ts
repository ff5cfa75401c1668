/** The drawing of a trace, from its JSON alone: `drawTimeline(trace, { text })`. */
export { type DrawOptions, drawTimeline, titleOf } from './svg/draw.js'
/** The colours, for a page that draws several: `drawTimeline(trace, { text, embedStyle: false })`. */
export { style as timelineStyle } from './svg/style.js'
