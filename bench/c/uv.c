// The same echo over libuv, the loop underneath Node: what node:net costs when no JavaScript runs. Built
// only where libuv's headers are installed.
//
//   a. libuv calls back for every read, with a buffer we gave it. One buffer for all connections is enough,
//      because uv_try_write is tried first and only a rest is copied.
//   b. While a rest is being written the reading is stopped: that is the backpressure.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

struct rest {
  uv_write_t request;
  char data[];
};

static char shared[64 * 1024];

static void allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  (void)handle, (void)suggested;
  *buffer = uv_buf_init(shared, sizeof shared);
}
static void freed(uv_handle_t *handle) {
  free(handle);
}
static void hang_up(uv_stream_t *stream) {
  if (!uv_is_closing((uv_handle_t *)stream)) uv_close((uv_handle_t *)stream, freed);
}
static void readable(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer);
static void written(uv_write_t *request, int status) {
  uv_stream_t *stream = request->handle;
  free(request->data);
  if (status < 0) hang_up(stream);
  else if (!uv_is_closing((uv_handle_t *)stream)) uv_read_start(stream, allocate, readable);
}
static void readable(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer) {
  if (length == 0) return;
  if (length < 0) {
    hang_up(stream);
    return;
  }
  uv_buf_t out = uv_buf_init(buffer->base, (unsigned)length);
  int taken = uv_try_write(stream, &out, 1);
  if (taken == (int)length) return;
  if (taken < 0 && taken != UV_EAGAIN) {
    hang_up(stream);
    return;
  }
  if (taken < 0) taken = 0;
  size_t left = (size_t)(length - taken);
  struct rest *rest = malloc(sizeof *rest + left);
  if (!rest) abort();
  memcpy(rest->data, buffer->base + taken, left);
  rest->request.data = rest;
  out = uv_buf_init(rest->data, (unsigned)left);
  uv_read_stop(stream);
  if (uv_write(&rest->request, stream, &out, 1, written) < 0) {
    free(rest);
    hang_up(stream);
  }
}
static void connected(uv_stream_t *server, int status) {
  if (status < 0) return;
  uv_tcp_t *client = malloc(sizeof *client);
  if (!client) abort();
  uv_tcp_init(server->loop, client);
  if (uv_accept(server, (uv_stream_t *)client) < 0) {
    hang_up((uv_stream_t *)client);
    return;
  }
  uv_tcp_nodelay(client, 1);
  uv_read_start((uv_stream_t *)client, allocate, readable);
}
static void quit(int signal) {
  (void)signal;
  _exit(0);
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  uv_tcp_t server;
  struct sockaddr_in address;
  struct sockaddr_storage bound;
  int length = sizeof bound;
  signal(SIGTERM, quit);
  signal(SIGPIPE, SIG_IGN);
  uv_ip4_addr("127.0.0.1", argc > 1 ? atoi(argv[1]) : 0, &address);
  uv_tcp_init(loop, &server);
  if (uv_tcp_bind(&server, (struct sockaddr *)&address, 0) < 0 || uv_listen((uv_stream_t *)&server, 4096, connected) < 0)
    return 1;
  uv_tcp_getsockname(&server, (struct sockaddr *)&bound, &length);
  printf("listening %d\n", ntohs(((struct sockaddr_in *)&bound)->sin_port));
  fflush(stdout);
  return uv_run(loop, UV_RUN_DEFAULT);
}
