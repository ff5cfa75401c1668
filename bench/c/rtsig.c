// Signal-driven I/O with real-time signals: the kernel queues a signal for every change of a socket and
// names the descriptor in it. The program waits for signals instead of descriptors.
//
//   a. Plain SIGIO merges and names nothing. F_SETSIG asks for a real-time signal, which queues and
//      carries si_fd; F_SETOWN_EX with F_OWNER_TID sends it to this thread, where it is blocked, so no
//      handler ever runs and sigwaitinfo collects it.
//   b. It speaks of changes only. Data that came before O_ASYNC was set raises nothing: a fresh socket is
//      tried at once. A socket is read until it is drained, but at most TURNS times in a row; the
//      unfinished go to a list that is served between signals.
//   c. Normally a short receive ends the reading (note c of echo.h). But the signal of an end of stream may
//      have been spent already: before O_ASYNC, while a rest was waiting, or in an overflow. Such a
//      connection is `unsure` and is read until EAGAIN or the end.
//   d. The queue is bounded (RLIMIT_SIGPENDING). When it is full the kernel sends one plain SIGIO that
//      names nobody: throw the queue away and try every socket.
//   e. A signal may outlive its descriptor and name a newer connection of the same number. Trying that
//      one for nothing is harmless (EAGAIN).
//   f. One system call brings one signal; with `signalfd` as second argument the signals are read from a
//      descriptor instead, up to 128 at once.
#include "echo.h"
#include <sys/signalfd.h>
#include <sys/syscall.h>

enum { TURNS = 4, BATCH = 128 };

static int event_signal, *unfinished, *spare;
static size_t unfinished_count;

static void later(int fd) {
  if (connections[fd].writing) return; // here the flag means: on the list already
  connections[fd].writing = 1;
  unfinished[unfinished_count++] = fd;
}

static void serve(int fd) {
  if ((size_t)fd >= table_size || !connections[fd].open) return;
  enum outcome outcome = MORE;
  for (int n = 0; n < TURNS && outcome == MORE; n++) {
    errno = 0;
    outcome = echo(fd);
    if (outcome == BLOCKED) connections[fd].unsure = 1;
    if (outcome != DRAINED || !connections[fd].unsure) continue;
    if (errno == EAGAIN) connections[fd].unsure = 0;
    else outcome = MORE;
  }
  if (outcome == GONE) hang_up(fd);
  else if (outcome == MORE) later(fd);
}

static void watch(int fd) {
  struct f_owner_ex owner = {.type = F_OWNER_TID, .pid = (pid_t)syscall(SYS_gettid)};
  if (fcntl(fd, F_SETOWN_EX, &owner) < 0 || fcntl(fd, F_SETSIG, event_signal) < 0 ||
      fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC) < 0)
    die("fcntl");
}

static void accept_all(int listener) {
  for (int fd; (fd = accept_next(listener)) >= 0;) {
    watch(fd);
    connections[fd].unsure = 1;
    serve(fd);
  }
}

static void sweep(int listener) {
  accept_all(listener);
  for (size_t fd = 0; fd < table_size; fd++) {
    if (!connections[fd].open) continue;
    connections[fd].unsure = 1;
    serve((int)fd);
  }
}

int main(int argc, char **argv) {
  int listener = listen_on(argc > 1 ? argv[1] : "0");
  event_signal = SIGRTMIN + 1;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, event_signal);
  sigaddset(&signals, SIGIO);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  int descriptor = argc > 2 && strcmp(argv[2], "signalfd") == 0 ? signalfd(-1, &signals, SFD_CLOEXEC) : -1;
  unfinished = calloc(2 * table_size, sizeof *unfinished); // a number can be there twice if it was reused
  spare = calloc(2 * table_size, sizeof *spare);
  if (!unfinished || !spare) die("calloc");
  watch(listener);
  announce(listener);

  static struct signalfd_siginfo batch[BATCH];
  for (;;) {
    static const struct timespec now = {0, 0};
    size_t count = 0;
    if (descriptor >= 0 && !unfinished_count) {
      ssize_t bytes = read(descriptor, batch, sizeof batch);
      if (bytes > 0) count = (size_t)bytes / sizeof *batch;
    } else {
      siginfo_t info;
      int number = sigtimedwait(&signals, &info, unfinished_count ? &now : NULL);
      if (number > 0) {
        batch[0].ssi_signo = (uint32_t)number;
        batch[0].ssi_fd = info.si_fd;
        count = 1;
      }
    }
    int overflowed = 0;
    for (size_t i = 0; i < count; i++) {
      if (batch[i].ssi_signo == SIGIO) overflowed = 1;
      else if (batch[i].ssi_fd == listener) accept_all(listener);
      else serve(batch[i].ssi_fd);
    }
    if (overflowed) {
      siginfo_t info;
      while (sigtimedwait(&signals, &info, &now) > 0) continue;
      sweep(listener);
    }
    // A list of its own for this round: serve() may put a socket back.
    int *round = unfinished;
    size_t length = unfinished_count;
    unfinished = spare;
    spare = round;
    unfinished_count = 0;
    for (size_t i = 0; i < length; i++) {
      connections[round[i]].writing = 0;
      serve(round[i]);
    }
  }
}
