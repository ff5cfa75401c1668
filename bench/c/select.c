// Multiplexing with select: bitmaps of descriptor numbers go into the kernel and are overwritten with
// the answer, so the wanted sets are copied before every call.
//
//   a. The limit of 1024 belongs to the C library's fd_set, not to the kernel. With bitmaps of our own,
//      sized by the highest descriptor in use, select serves any descriptor number.
//   b. The kernel reads and writes whole words up to the highest number: cost grows with that number,
//      even if few descriptors are watched.
//   c. The answer is scanned a word at a time; empty words cost one comparison for 64 descriptors.
#include "echo.h"
#include <sys/select.h>

enum { BITS = 8 * sizeof(unsigned long) };

static void put(unsigned long *set, int fd, int on) {
  unsigned long bit = 1UL << ((unsigned)fd % BITS);
  if (on) set[(unsigned)fd / BITS] |= bit;
  else set[(unsigned)fd / BITS] &= ~bit;
}

int main(int argc, char **argv) {
  int listener = listen_on(argc > 1 ? argv[1] : "0");
  fcntl(listener, F_SETFL, O_NONBLOCK);
  size_t words = table_size / BITS + 1;
  unsigned long *reading = calloc(words, sizeof *reading), *writing = calloc(words, sizeof *writing);
  unsigned long *readable = calloc(words, sizeof *readable), *writable = calloc(words, sizeof *writable);
  if (!reading || !writing || !readable || !writable) die("calloc");
  int highest = listener, blocked = 0; // `blocked`: how many connections wait for room
  put(reading, listener, 1);
  announce(listener);

  for (;;) {
    size_t used = (size_t)highest / BITS + 1;
    memcpy(readable, reading, used * sizeof *reading);
    if (blocked) memcpy(writable, writing, used * sizeof *writing);
    else memset(writable, 0, used * sizeof *writable);
    int ready = select(highest + 1, (fd_set *)readable, blocked ? (fd_set *)writable : NULL, NULL, NULL);
    if (ready < 0) {
      if (errno == EINTR) continue;
      die("select");
    }
    for (size_t word = 0; word < used; word++) {
      for (unsigned long bits = readable[word] | writable[word]; bits; bits &= bits - 1) {
        int fd = (int)(word * BITS) + __builtin_ctzl(bits);
        if (fd == listener) {
          for (int n = 0; n < ACCEPTS_PER_TURN && (fd = accept_next(listener)) >= 0; n++) {
            put(reading, fd, 1);
            if (fd > highest) highest = fd;
          }
          continue;
        }
        enum outcome outcome = echo(fd);
        unsigned char waits = outcome == BLOCKED;
        if (waits != connections[fd].writing) {
          connections[fd].writing = waits;
          blocked += waits ? 1 : -1;
          put(writing, fd, waits);
          put(reading, fd, !waits);
        }
        if (outcome == GONE) {
          put(reading, fd, 0);
          hang_up(fd);
          while (highest > listener && !connections[highest].open) highest--;
        }
      }
    }
  }
}
