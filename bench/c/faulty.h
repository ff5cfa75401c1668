// A small poll-based echo server whose data path is handed in: for servers that are wrong on purpose.
#pragma once
#include "echo.h"
#include <poll.h>
#include <time.h>

typedef ssize_t transmit(int fd, char *data, size_t length);

static void serve_forever(const char *where, transmit *transmit) {
  static char buffer[BUFFER];
  int listener = listen_on(where);
  fcntl(listener, F_SETFL, O_NONBLOCK);
  struct pollfd *watched = calloc(table_size, sizeof *watched);
  if (!watched) die("calloc");
  watched[0] = (struct pollfd){.fd = listener, .events = POLLIN};
  nfds_t count = 1;
  announce(listener);
  for (;;) {
    if (poll(watched, count, -1) < 0 && errno != EINTR) die("poll");
    for (nfds_t i = count; i-- > 0;) {
      int fd = watched[i].fd;
      if (!watched[i].revents) continue;
      if (fd == listener) {
        while ((fd = accept_next(listener)) >= 0) watched[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
        continue;
      }
      ssize_t received = recv(fd, buffer, sizeof buffer, 0);
      if (received < 0 && errno == EAGAIN) continue;
      if (received > 0 && transmit(fd, buffer, (size_t)received) >= 0) continue;
      hang_up(fd);
      watched[i] = watched[--count];
    }
  }
}
