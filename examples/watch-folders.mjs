// Watches a tree with one inotify watch a folder. (Node's recursive fs.watch takes one for every file as well, and a
// large tree exhausts fs.inotify.max_user_watches.)
//   node examples/watch-folders.mjs [FOLDER]
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { watch } from 'fivefold'
import * as sys from 'fivefold/sys'

const root = process.argv[2] ?? '.'
const {
  IN_CLOSE_WRITE,
  IN_CREATE,
  IN_DELETE,
  IN_ISDIR,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_ONLYDIR,
  IN_Q_OVERFLOW,
} = sys
const fd = sys.inotifyInit1()
/** The folder of each watch. */
const folders = new Map()

function add(folder) {
  try {
    const mask = IN_CREATE | IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO
    folders.set(sys.inotifyAddWatch(fd, folder, mask | IN_ONLYDIR), folder)
  } catch (error) {
    if (error.code === 'ENOENT') return // gone before we came
    throw error
  }
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) add(join(folder, entry.name))
  }
}

const words = [
  [IN_CREATE, 'created'],
  [IN_CLOSE_WRITE, 'written'],
  [IN_DELETE, 'deleted'],
  [IN_MOVED_FROM, 'moved away'],
  [IN_MOVED_TO, 'moved here'],
]
watch(fd, 'read', () => {
  for (const { wd, mask, name } of sys.readInotify(fd)) {
    if (mask & IN_Q_OVERFLOW) {
      console.log('too much at once: look at everything anew')
      continue
    }
    if (mask & sys.IN_IGNORED) folders.delete(wd)
    const path = join(folders.get(wd) ?? '', name)
    const word = words.find(([bit]) => mask & bit)?.[1]
    if (word !== undefined) console.log(`${word} ${path}`)
    if (mask & IN_ISDIR && mask & (IN_CREATE | IN_MOVED_TO)) add(path)
  }
})
add(root)
console.log(`watching ${folders.size} folders`)
