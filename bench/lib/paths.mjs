import { fileURLToPath } from 'node:url'

/** @param {string} relative */
const at = (relative) => fileURLToPath(new URL(relative, import.meta.url))

export const root = at('../../')
export const source = at('../c/')
export const bin = at('../bin/')
export const peersFolder = at('../peers/')
export const peersInstall = at('../.peers/')
export const oursFolder = at('../ours/')
export const labCommand = at('../../packages/lab/dist/cli.js')
export const examplesFolder = at('../../examples/')
export const facesFolder = at('../faces/')
export const results = at('../results/')
