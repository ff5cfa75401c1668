// tail -f: what is appended to a file, as it is appended; a file that is cut begins anew.
//   node examples/tail.mjs FILE
import { watch } from 'fivefold'
import { open } from 'fivefold/fs'
import {
  IN_ATTRIB,
  IN_DELETE_SELF,
  IN_MODIFY,
  inotifyAddWatch,
  inotifyInit1,
  readInotify,
} from 'fivefold/sys'

const path = process.argv[2]
const file = await open(path)
const changes = inotifyInit1()
inotifyAddWatch(changes, path, IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF)

let position = (await file.stat()).size
const buffer = Buffer.alloc(64 * 1024)
let reading = false
let changed = false

async function follow() {
  changed = true
  if (reading) return
  reading = true
  while (changed) {
    changed = false
    const { size, nlink } = await file.stat()
    if (size < position) position = 0
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position)
      if (bytesRead === 0) break
      position += bytesRead
      process.stdout.write(buffer.toString('utf8', 0, bytesRead))
    }
    if (nlink === 0) {
      watching.close()
      await file.close()
      return
    }
  }
  reading = false
}

const watching = watch(changes, 'read', () => {
  readInotify(changes)
  follow()
})
console.error(`following ${path} from byte ${position}`)
