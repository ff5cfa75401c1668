/**
 * fivefold/fs: the API of node:fs/promises, whose reads and writes go over a model of your choice (io_uring, posix-aio
 * or blocking), and Linux's calls on files that Node never had.
 *
 * The functions of this module let 'auto' choose; `new FileSystem({ model })` has the same over one you name.
 */
import { FileSystem } from './file-system.js'

const auto = new FileSystem()

export const {
  access,
  appendFile,
  chmod,
  chown,
  constants,
  copyFile,
  cp,
  lchown,
  link,
  lstat,
  lutimes,
  mkdir,
  mkdtemp,
  open,
  opendir,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  rmdir,
  sendfile,
  splice,
  stat,
  statfs,
  symlink,
  truncate,
  unlink,
  utimes,
  watch,
  writeFile,
} = auto

export type { BatchError } from '../file/batch.js'
export type { EngineOptions } from '../stream/handlers.js'
export type { WholeFileOptions } from './arguments.js'
export { alignedBuffer, type LockOptions, type MoveOptions } from './extras.js'
export { type Descriptor, FileSystem } from './file-system.js'
export type { ReadOptions, WriteOptions } from './forms.js'
export { FileHandle } from './handle.js'
export type { ReadStreamOptions, WriteStreamOptions } from './streams.js'
export type { WritableData } from './whole.js'
export default auto
