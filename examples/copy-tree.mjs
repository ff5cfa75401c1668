// Copies a folder of many small files: what cp -r does one file after another, with 64 under way at a time.
//   node examples/copy-tree.mjs FROM TO
import { fstatSync } from 'node:fs'
import { join } from 'node:path'
import { copyFile, mkdir, open, readdir, readlink, symlink } from 'fivefold/fs'

const [from, to] = process.argv.slice(2)
if (!from || !to) {
  console.error('node examples/copy-tree.mjs FROM TO')
  process.exit(2)
}
const AT_ONCE = 64
const SMALL = 64 * 1024

const work = [] // files to be copied: [source, target]
let files = 0
let bytes = 0

async function folder(source, target) {
  await mkdir(target, { recursive: true })
  for (const entry of await readdir(source, { withFileTypes: true })) {
    const [path, copy] = [join(source, entry.name), join(target, entry.name)]
    if (entry.isDirectory()) await folder(path, copy)
    else if (entry.isSymbolicLink()) await symlink(await readlink(path), copy)
    else if (entry.isFile()) work.push([path, copy])
    // Sockets, FIFOs and devices have no content to be copied.
  }
}

async function copy(source, target, buffer) {
  const input = await open(source, 'r')
  try {
    const { bytesRead } = await input.read(buffer, 0, buffer.length, 0)
    if (bytesRead === buffer.length) {
      // It may go on: then it is the kernel's to copy.
      await copyFile(source, target)
      bytes += fstatSync(input.fd).size
      return
    }
    // Of an open file, on a local disk, that is no wait: not worth a thread.
    const { mode } = fstatSync(input.fd)
    const output = await open(target, 'w', mode & 0o777)
    try {
      for (let at = 0; at < bytesRead; )
        at += (await output.write(buffer, at, bytesRead - at, at)).bytesWritten
    } finally {
      await output.close()
    }
    bytes += bytesRead
  } finally {
    await input.close()
  }
}

async function worker() {
  const buffer = Buffer.allocUnsafeSlow(SMALL)
  for (let next = work.pop(); next !== undefined; next = work.pop()) {
    await copy(next[0], next[1], buffer)
    files++
  }
}

await folder(from, to)
await Promise.all(Array.from({ length: AT_ONCE }, worker))
console.log(`${files} files, ${bytes} bytes`)
