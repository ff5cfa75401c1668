import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { close } from './descriptor.js'
import { O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_WRONLY } from './fcntl.js'
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  fallocate,
  fdatasync,
  fstatx,
  fsync,
  ftruncate,
  lseek,
  openat,
  POSIX_FADV_DONTNEED,
  POSIX_FADV_RANDOM,
  posix_fadvise,
  pread,
  pwrite,
  rawFsync,
  rawOpenat,
  rawPosixFadvise,
  rawPread,
  rawPwrite,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  SEEK_CUR,
  SEEK_END,
  SEEK_SET,
  STATX,
  statx,
  unlink,
  unlinkat,
} from './file.js'
import { pipe2 } from './pipe.js'

const folder = fs.mkdtempSync(join(tmpdir(), 'fivefold-file-'))
after(() => fs.rmSync(folder, { recursive: true }))
const at = (name: string) => join(folder, name)

function withFile(name: string, use: (fd: number, path: string) => void): void {
  const path = at(name)
  const fd = openat(AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL, 0o600)
  try {
    use(fd, path)
  } finally {
    close(fd)
  }
}

describe('offsets', () => {
  test('are exact above 4 GiB, on a sparse file', () => {
    withFile('sparse', (fd, path) => {
      for (const offset of [0, 2 ** 31 - 3, 2 ** 32 - 3, 2 ** 32 + 5, 5 * 2 ** 30 + 1, 2 ** 40 + 12345]) {
        const mark = Buffer.from(`<${offset}>`)
        assert.equal(pwrite(fd, mark, offset), mark.length)
        // Node's own reading is the judge.
        const seen = Buffer.alloc(mark.length)
        const reader = fs.openSync(path, 'r')
        assert.equal(fs.readSync(reader, seen, 0, seen.length, offset), mark.length)
        fs.closeSync(reader)
        assert.deepEqual(seen, mark)
        const ours = new Uint8Array(mark.length)
        assert.equal(pread(fd, ours, offset), mark.length)
        assert.deepEqual(Buffer.from(ours), mark)
        assert.equal(fstatx(fd).size, offset + mark.length)
      }
      assert.ok(fstatx(fd).blocks < 1000, 'it is sparse')
      const beyond = new Uint8Array(4)
      assert.equal(pread(fd, beyond, 2 ** 41), 0, 'the end')
    })
  })

  test('up to 2^53 reach the kernel whole', () => {
    withFile('far', (fd) => {
      // No file is so long: the kernel says so, which it would not had the offset been cut.
      assert.equal(rawPread(fd, new Uint8Array(1), 1, Number.MAX_SAFE_INTEGER), 0)
      assert.equal(rawPread(fd, new Uint8Array(1), 1, -1), -22)
      assert.equal(lseek(fd, 2 ** 40 + 7, SEEK_SET), 2 ** 40 + 7)
      assert.equal(lseek(fd, 0, SEEK_CUR), 2 ** 40 + 7)
    })
  })

  test('are refused by what has none', () => {
    const [reader, writer] = pipe2()
    assert.throws(() => pread(reader, new Uint8Array(1), 0), { code: 'ESPIPE', syscall: 'pread' })
    assert.equal(rawPwrite(writer, new Uint8Array(1), 1, 0), -29)
    assert.throws(() => lseek(reader, 0, SEEK_CUR), { code: 'ESPIPE', syscall: 'lseek' })
    close(reader)
    close(writer)
  })
})

describe('lengths', () => {
  test('ftruncate, fallocate and punched holes', () => {
    withFile('lengths', (fd, path) => {
      ftruncate(fd, 5 * 2 ** 30)
      assert.equal(fs.statSync(path).size, 5 * 2 ** 30)
      ftruncate(fd, 100)
      assert.equal(lseek(fd, 0, SEEK_END), 100)
      try {
        fallocate(fd, 0, 0, 64 * 1024)
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'EOPNOTSUPP')
        return
      }
      assert.equal(fs.statSync(path).size, 64 * 1024)
      pwrite(fd, Buffer.alloc(64 * 1024, 1), 0)
      fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096)
      const bytes = fs.readFileSync(path)
      assert.equal(bytes.length, 64 * 1024)
      assert.deepEqual([bytes[4095], bytes[4096], bytes[8191], bytes[8192]], [1, 0, 0, 1])
    })
  })

  test('nothing may be negative', () => {
    withFile('negative', (fd) => {
      assert.throws(() => ftruncate(fd, -1), { code: 'EINVAL', syscall: 'ftruncate' })
      assert.throws(() => fallocate(fd, 0, 0, 0), { code: 'EINVAL', syscall: 'fallocate' })
    })
  })
})

describe('statx', () => {
  test('tells what fs.stat tells', () => {
    withFile('stat', (fd, path) => {
      pwrite(fd, Buffer.alloc(12345), 0)
      fs.utimesSync(path, 1_234_567_890.123, 1_600_000_000.5)
      const ours = statx(AT_FDCWD, path)
      const theirs = fs.statSync(path)
      const common = ['blksize', 'nlink', 'uid', 'gid', 'mode', 'size', 'blocks'] as const
      for (const field of common) assert.equal(ours[field], theirs[field], field)
      assert.equal(ours.ino, fs.statSync(path, { bigint: true }).ino)
      for (const field of ['atimeMs', 'mtimeMs', 'ctimeMs', 'birthtimeMs'] as const) {
        assert.ok(Math.abs(ours[field] - theirs[field]) < 0.01, field)
      }
      assert.equal(ours.mtimeMs, 1_600_000_000_500)
      assert.equal(ours.mode & S_IFMT, S_IFREG)
      const { major, minor } = ours.dev
      assert.equal((major & 0xfff) * 256 + (minor & 0xff) + Math.floor(minor / 256) * 2 ** 20, theirs.dev)
      const { atimeMs: _, ...same } = fstatx(fd)
      const { atimeMs: __, ...expected } = ours
      assert.deepEqual(same, expected)
    })
  })

  test('of a device, a link, times before 1970', () => {
    const none = statx(AT_FDCWD, '/dev/null')
    assert.deepEqual(none.rdev, { major: 1, minor: 3 })
    fs.symlinkSync('nowhere', at('link'))
    assert.equal(statx(AT_FDCWD, at('link'), AT_SYMLINK_NOFOLLOW).mode & S_IFMT, S_IFLNK)
    assert.throws(() => statx(AT_FDCWD, at('link')), { code: 'ENOENT', syscall: 'statx', path: at('link') })
    withFile('old', (_fd, path) => {
      fs.utimesSync(path, new Date(-1_000_000), new Date(-2_000_000))
      assert.equal(statx(AT_FDCWD, path).mtimeMs, -2_000_000)
    })
  })

  test('its layout is the C compiler’s', { skip: !hasCompiler() }, () => {
    const names: Record<string, string> = {
      mask: 'stx_mask',
      blksize: 'stx_blksize',
      attributes: 'stx_attributes',
      nlink: 'stx_nlink',
      uid: 'stx_uid',
      gid: 'stx_gid',
      mode: 'stx_mode',
      ino: 'stx_ino',
      fileSize: 'stx_size',
      blocks: 'stx_blocks',
      atime: 'stx_atime',
      btime: 'stx_btime',
      ctime: 'stx_ctime',
      mtime: 'stx_mtime',
      rdevMajor: 'stx_rdev_major',
      rdevMinor: 'stx_rdev_minor',
      devMajor: 'stx_dev_major',
      devMinor: 'stx_dev_minor',
    }
    const lines = Object.entries(names).map(
      ([ours, theirs]) => `printf("${ours} %zu\\n", offsetof(struct statx, ${theirs}));`,
    )
    const said = compiled(
      `#define _GNU_SOURCE\n#include <sys/stat.h>\n#include <stddef.h>\n#include <stdio.h>\n` +
        `int main(void) { printf("size %zu\\n", sizeof(struct statx)); ${lines.join('\n')} return 0; }`,
    )
    for (const [name, offset] of said) assert.equal(STATX[name as keyof typeof STATX], offset, name)
    assert.equal(said.length, lines.length + 1)
  })
})

describe('the rest', () => {
  test('openat refuses, creates exclusively, and is closed on exec', () => {
    assert.throws(() => openat(AT_FDCWD, at('none'), O_RDONLY), {
      code: 'ENOENT',
      errno: -2,
      syscall: 'openat',
      path: at('none'),
    })
    assert.throws(() => openat(AT_FDCWD, 'a\0b', O_RDONLY), { code: 'ERR_INVALID_ARG_VALUE' })
    assert.equal(rawOpenat(AT_FDCWD, at('none'), O_RDONLY, 0), -2)
    const directory = openat(AT_FDCWD, folder, O_RDONLY)
    const fd = openat(directory, 'relative', O_WRONLY | O_CREAT | O_EXCL, 0o640)
    assert.throws(() => openat(directory, 'relative', O_WRONLY | O_CREAT | O_EXCL), { code: 'EEXIST' })
    assert.ok(fs.existsSync(at('relative')))
    assert.match(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'), /flags:\s+02\d{6}/)
    close(fd)
    close(directory)
  })

  test('fsync, fdatasync, posix_fadvise', () => {
    withFile('sync', (fd) => {
      pwrite(fd, Buffer.alloc(8192), 0)
      fsync(fd)
      fdatasync(fd)
      posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM)
      posix_fadvise(fd, 0, 4096, POSIX_FADV_DONTNEED)
      assert.throws(() => posix_fadvise(fd, 0, 0, 99), { code: 'EINVAL', syscall: 'posix_fadvise' })
    })
    const [reader, writer] = pipe2()
    assert.equal(rawFsync(reader), -22)
    assert.equal(rawPosixFadvise(reader, 0, 0, POSIX_FADV_RANDOM), -29)
    assert.throws(() => fsync(writer), { code: 'EINVAL', syscall: 'fsync' })
    close(reader)
    close(writer)
  })

  test('unlink and unlinkat', () => {
    withFile('gone', (_fd, path) => {
      unlink(path)
      assert.equal(fs.existsSync(path), false)
      assert.throws(() => unlink(path), { code: 'ENOENT', syscall: 'unlink', path })
    })
    fs.mkdirSync(at('directory'))
    assert.throws(() => unlinkat(AT_FDCWD, at('directory')), { code: 'EISDIR', syscall: 'unlinkat' })
    unlinkat(AT_FDCWD, at('directory'), AT_REMOVEDIR)
    assert.equal(fs.existsSync(at('directory')), false)
  })

  test('detached and resizable memory is refused', () => {
    withFile('stable', (fd) => {
      const bytes = new Uint8Array(8)
      structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
      assert.throws(() => pread(fd, bytes, 0), { code: 'ERR_INVALID_STATE' })
      assert.throws(() => pwrite(fd, bytes, 0), { code: 'ERR_INVALID_STATE' })
    })
  })
})

function hasCompiler(): boolean {
  return spawnSync('cc', ['--version']).status === 0
}

function compiled(source: string): [string, number][] {
  fs.writeFileSync(at('layout.c'), source)
  execFileSync('cc', ['-o', at('layout'), at('layout.c')])
  const lines = execFileSync(at('layout'), { encoding: 'latin1' }).trim().split('\n')
  return lines.map((line) => [line.split(' ')[0]!, Number(line.split(' ')[1])])
}
