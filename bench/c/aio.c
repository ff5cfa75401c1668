// Asynchronous I/O as POSIX defines it: aio_read returns at once, and later the process is told that the data
// is already in its buffer. In glibc "later" is the work of ordinary threads that call pread.
//
//   a. A signal per completion (SIGEV_SIGNAL, collected with sigwaitinfo) names the request in its value, so
//      nothing is scanned; aio_suspend would look at all requests each time.
//   b. glibc serves the requests of one descriptor one after another, in one thread: real depth needs a
//      descriptor for each request in flight.
//   c. The number of threads is bounded by aio_init; more than the depth would be of no use, and more than
//      64 do not make a disk faster.
#include "reads.h"
#include <aio.h>
#include <signal.h>

int main(int argc, char **argv) {
  begin(argc, argv);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGRTMIN);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  struct aioinit init = {.aio_threads = depth < 64 ? depth : 64, .aio_num = depth, .aio_idle_time = 1};
  aio_init(&init);

  struct aiocb *requests = calloc((size_t)depth, sizeof *requests);
  char *buffers = aligned_alloc(BLOCK, (size_t)depth * BLOCK);
  if (!requests || !buffers) die("calloc");
  int in_flight = 0;
  for (int i = 0; i < depth; i++) {
    requests[i].aio_fildes = open_file();
    requests[i].aio_buf = buffers + (size_t)i * BLOCK;
    requests[i].aio_nbytes = BLOCK;
    requests[i].aio_offset = (off_t)(next_block() * BLOCK);
    requests[i].aio_sigevent.sigev_notify = SIGEV_SIGNAL;
    requests[i].aio_sigevent.sigev_signo = SIGRTMIN;
    requests[i].aio_sigevent.sigev_value.sival_ptr = &requests[i];
    if (aio_read(&requests[i]) < 0) die("aio_read");
    in_flight++;
  }
  while (in_flight > 0) {
    siginfo_t info;
    if (sigwaitinfo(&signals, &info) < 0) continue;
    struct aiocb *request = info.si_value.sival_ptr;
    int error = aio_error(request);
    if (error == EINPROGRESS) continue;
    ssize_t length = aio_return(request);
    if (error) errno = error, die("aio_read");
    arrived((void *)request->aio_buf, length, (uint64_t)request->aio_offset / BLOCK);
    in_flight--;
    if (!time_left()) continue;
    request->aio_offset = (off_t)(next_block() * BLOCK);
    if (aio_read(request) < 0) die("aio_read");
    in_flight++;
  }
  return finish();
}
