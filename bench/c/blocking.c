// Blocking I/O: recv sleeps until there is data, send sleeps until there is room, and a sleeping thread
// can do nothing else. Many connections therefore need as many threads.
//
//   a. The two phases are one call. Backpressure needs no code: a thread that waits in send does not read.
//   b. A thread is a kernel stack, a user stack (of which only the touched pages are real) and a
//      scheduler entry; each message is a context switch where the multiplexers serve a batch per wait.
#include "echo.h"
#include <pthread.h>

static void *serve(void *argument) {
  int fd = (int)(intptr_t)argument;
  char buffer[BUFFER];
  for (;;) {
    ssize_t received = recv(fd, buffer, sizeof buffer, 0);
    if (received < 0 && errno == EINTR) continue;
    if (received <= 0) break;
    for (ssize_t from = 0; from < received;) {
      ssize_t sent = send(fd, buffer + from, (size_t)(received - from), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0) goto end;
      from += sent;
    }
  }
end:
  close(fd);
  return NULL;
}

int main(int argc, char **argv) {
  int listener = listen_on(argc > 1 ? argv[1] : "0");
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, BUFFER + 64 * 1024);
  announce(listener);

  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      die("accept");
    }
    pthread_t thread;
    if (pthread_create(&thread, &attributes, serve, (void *)(intptr_t)fd) != 0) close(fd);
  }
}
