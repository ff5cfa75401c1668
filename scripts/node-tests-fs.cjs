// For scripts/node-tests.mjs: `fivefold/fs` in the place of `node:fs/promises`, which `fivefold/register` leaves alone.
const fs = require('node:fs')
const module_ = require('node:module')
const { join } = require('node:path')

const node = fs.promises
const { FileSystem, FileHandle } = require(join(__dirname, '../packages/fivefold/dist/fs/index.js'))
const ours = new FileSystem(process.env.FIVEFOLD_MODEL ? { model: process.env.FIVEFOLD_MODEL } : {})
const face = { ...node, FileHandle }
for (const name of Object.keys(node)) if (name in ours) face[name] = ours[name]

Object.defineProperty(fs, 'promises', { value: face, enumerable: true, configurable: true })
const ask = module_.prototype.require
module_.prototype.require = function (name) {
  return /^(node:)?fs\/promises$/.test(name) ? face : ask.call(this, name)
}
