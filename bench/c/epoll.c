// Multiplexing with epoll, the reference the others are measured against.
//
//   a. The interest list lives in the kernel: a descriptor is named once, not at every wait, and a wait
//      costs what is ready, not what is watched.
//   b. Level-triggered: a socket that still has data is reported again, so one receive per event is
//      enough and nobody can starve the others.
//   c. The send is tried at once. EPOLLOUT is asked for only while a rest is waiting, and EPOLLIN is
//      dropped meanwhile: two epoll_ctl calls per stall, none per message.
//   d. close() takes the descriptor out of the interest list (nothing here duplicates descriptors).
#include "echo.h"
#include <sys/epoll.h>

int main(int argc, char **argv) {
  int listener = listen_on(argc > 1 ? argv[1] : "0");
  fcntl(listener, F_SETFL, O_NONBLOCK);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) die("epoll_create1");
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[256];
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0) die("epoll_ctl");
  announce(listener);

  for (;;) {
    int ready = epoll_wait(epoll, events, 256, -1);
    if (ready < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        for (int n = 0; n < ACCEPTS_PER_TURN && (fd = accept_next(listener)) >= 0; n++) {
          event = (struct epoll_event){.events = EPOLLIN, .data.fd = fd};
          if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
        }
        continue;
      }
      enum outcome outcome = echo(fd);
      if (outcome == GONE) {
        hang_up(fd);
        continue;
      }
      unsigned char writing = outcome == BLOCKED;
      if (writing != connections[fd].writing) {
        connections[fd].writing = writing;
        event = (struct epoll_event){.events = writing ? EPOLLOUT : EPOLLIN, .data.fd = fd};
        if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) < 0) die("epoll_ctl");
      }
    }
  }
}
