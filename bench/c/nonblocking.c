// Non-blocking I/O: nothing ever sleeps. Every socket is asked, again and again, whether it has data,
// and mostly answers EAGAIN. A whole core is spent on asking.
//
//   a. A sweep asks each socket in turn. A socket that keeps filling the buffer is served at most
//      TURNS times before the next one is asked, so a fast sender starves nobody.
//   b. The listening socket is asked once per sweep as well.
//   c. The array of descriptors is kept dense; a closed connection's place is taken by the last one.
#include "echo.h"

enum { TURNS = 4 };

int main(int argc, char **argv) {
  int listener = listen_on(argc > 1 ? argv[1] : "0");
  fcntl(listener, F_SETFL, O_NONBLOCK);
  int *sockets = calloc(table_size, sizeof *sockets);
  if (!sockets) die("calloc");
  size_t count = 0;
  announce(listener);

  for (;;) {
    int fd;
    for (int n = 0; n < ACCEPTS_PER_TURN && (fd = accept_next(listener)) >= 0; n++) sockets[count++] = fd;
    for (size_t i = 0; i < count;) {
      enum outcome outcome = MORE;
      for (int n = 0; n < TURNS && outcome == MORE; n++) outcome = echo(sockets[i]);
      if (outcome == GONE) {
        hang_up(sockets[i]);
        sockets[i] = sockets[--count];
      } else {
        i++;
      }
    }
  }
}
