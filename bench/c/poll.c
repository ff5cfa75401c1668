// Multiplexing with poll: an array of descriptors goes into the kernel and comes back at every wait.
//
//   a. The cost of a wait grows with the number of descriptors watched, ready or not: the kernel asks
//      each of them, and afterwards we look at each entry again until the count of ready ones is used up.
//   b. There is no limit of 1024: the array is as long as we make it.
//   c. The array is kept dense; a closed connection's place is taken by the last one.
#include "echo.h"
#include <poll.h>

int main(int argc, char **argv) {
  int listener = listen_on(argc > 1 ? argv[1] : "0");
  fcntl(listener, F_SETFL, O_NONBLOCK);
  struct pollfd *watched = calloc(table_size, sizeof *watched);
  if (!watched) die("calloc");
  watched[0] = (struct pollfd){.fd = listener, .events = POLLIN};
  nfds_t count = 1;
  announce(listener);

  for (;;) {
    int ready = poll(watched, count, -1);
    if (ready < 0 && errno != EINTR) die("poll");
    // From the end, so that the entry moved into a freed place has already been served.
    for (nfds_t i = count; ready > 0 && i-- > 0;) {
      if (!watched[i].revents) continue;
      ready--;
      int fd = watched[i].fd;
      if (fd == listener) {
        for (int n = 0; n < ACCEPTS_PER_TURN && (fd = accept_next(listener)) >= 0; n++)
          watched[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
        continue;
      }
      enum outcome outcome = echo(fd);
      if (outcome == GONE) {
        hang_up(fd);
        watched[i] = watched[--count];
      } else {
        watched[i].events = outcome == BLOCKED ? POLLOUT : POLLIN;
      }
    }
  }
}
