/* What a host may expect of its process: no signal kills it, a fork is answered, nothing hangs. */
#define _XOPEN_SOURCE 700
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "emulator.h"

static int listening(char *url, size_t size) {
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(fd >= 0 && bind(fd, (const struct sockaddr *)&address, length) == 0 && listen(fd, 8) == 0);
  CHECK_INT(getsockname(fd, (struct sockaddr *)&address, &length), 0);
  snprintf(url, size, "http://127.0.0.1:%d", ntohs(address.sin_port));
  return fd;
}

/* A peer that reads a little of the body and then closes with a reset: whoever writes on gets EPIPE, and SIGPIPE with it. */
static void *rude_peer(void *listener) {
  const int fd = accept(*(int *)listener, NULL, NULL);
  char some[1024];
  CHECK(fd >= 0 && read(fd, some, sizeof some) > 0);
  const struct linger reset = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close(fd);
  return NULL;
}

static void a_broken_upload_is_a_status_and_not_a_signal(void) {
  /* The disposition a C program starts with; a shell or a test runner may have changed it. */
  signal(SIGPIPE, SIG_DFL);
  char url[64];
  int listener = listening(url, sizeof url);
  ltx_error *err = NULL;
  ltx_config *config = ltx_config_new();
  ltx_client *client = NULL;
  CHECK_OK(ltx_config_set(config, "api_key", "some-key", &err), err);
  CHECK_OK(ltx_config_set(config, "base_url", url, &err), err);
  CHECK_OK(ltx_config_set(config, "journal", "memory", &err), err);
  CHECK_OK(ltx_client_new(config, &client, &err), err);
  ltx_config_free(config);

  pthread_t peer;
  CHECK_INT(pthread_create(&peer, NULL, rude_peer, &listener), 0);
  /* Big enough that it cannot all be in the sockets' buffers when the peer closes. */
  const size_t size = 16u * 1024 * 1024;
  char *big = malloc(size + 1);
  CHECK(big != NULL);
  memset(big, 'x', size);
  big[size] = '\0';
  ltx_request *request = NULL;
  ltx_op *op = NULL;
  CHECK_OK(ltx_request_new("some-endpoint", &request, &err), err);
  CHECK_OK(ltx_request_set_string(request, "big", big, &err), err);
  free(big);
  CHECK_OK(ltx_client_submit(client, request, NULL, &op, &err), err);
  ltx_request_free(request);
  /* The body was on the wire: nobody can tell, so it is not sent again. Valgrind takes its time with so many bytes. */
  CHECK_STATUS(ltx_op_wait(op, 200000, &err), LTX_SUBMIT_UNKNOWN, err);
  CHECK_INT(ltx_error_billing(err), LTX_BILLING_UNKNOWN);
  CHECK(!ltx_error_is_retryable(err));
  ltx_error_free(err);
  ltx_op_release(op);
  pthread_join(peer, NULL);
  close(listener);
  /* The host's own disposition and mask are as they were. */
  struct sigaction now;
  sigset_t mask;
  CHECK(sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL);
  CHECK(pthread_sigmask(SIG_BLOCK, NULL, &mask) == 0 && sigismember(&mask, SIGPIPE) == 0);
  ltx_client_release(client);
}

static void child(ltx_client *client, ltx_job *job, ltx_op *op, const emulator *service) {
  /* Whatever hangs is a failure. */
  alarm(120);
  ltx_error *err = NULL;
  ltx_op *other = NULL;
  ltx_job *again = NULL;
  size_t index = 0;
  const ltx_op *const ops[] = {op};
  ltx_job_info info;
  info.size = sizeof info;
  ltx_op_info progress;
  progress.size = sizeof progress;
  ltx_request *request = emulator_request();
  CHECK_STATUS(ltx_client_submit(client, request, NULL, &other, &err), LTX_FORKED, err);
  CHECK(other == NULL && ltx_error_message(err)[0] != '\0');
  ltx_error_free(err);
  CHECK_STATUS(ltx_client_check(client, NULL, &other, NULL), LTX_FORKED, NULL);
  CHECK_STATUS(ltx_client_upload(client, emulator_clip(), NULL, &other, NULL), LTX_FORKED, NULL);
  CHECK_STATUS(ltx_client_job(client, "retake/x", &again, NULL), LTX_FORKED, NULL);
  CHECK_STATUS(ltx_client_set_api_key(client, "other", NULL), LTX_FORKED, NULL);
  CHECK_STATUS(ltx_client_close(client, 0, NULL), LTX_FORKED, NULL);
  int64_t handle = 7;
  CHECK_STATUS(ltx_client_event_handle(client, &handle, NULL), LTX_FORKED, NULL);
  CHECK_STATUS(ltx_client_dispatch(client, -1, 0, NULL, NULL), LTX_FORKED, NULL);
  CHECK_STATUS(ltx_client_jobs(client, NULL, &other, NULL), LTX_FORKED, NULL);
  CHECK_STATUS(ltx_client_recover(client, NULL, &other, NULL), LTX_FORKED, NULL);
  CHECK_STATUS(ltx_client_resolve(client, "intent:x", NULL, NULL, &other, NULL), LTX_FORKED, NULL);
  CHECK_STATUS(ltx_job_snapshot(job, &info, NULL), LTX_FORKED, NULL);
  CHECK_STATUS(ltx_job_poll(job, NULL, &other, NULL), LTX_FORKED, NULL);
  CHECK_STATUS(ltx_job_wait(job, NULL, &other, NULL), LTX_FORKED, NULL);
  CHECK_STATUS(ltx_op_wait(op, -1, NULL), LTX_FORKED, NULL);
  CHECK_STATUS(ltx_op_snapshot(op, &progress, NULL), LTX_FORKED, NULL);
  CHECK_STATUS(ltx_op_cancel(op, NULL), LTX_FORKED, NULL);
  CHECK_STATUS(ltx_ops_wait_any(ops, 1, -1, &index, NULL), LTX_FORKED, NULL);
  CHECK(strchr(ltx_job_ref_string(job), '/') != NULL);
  ltx_op_release(op);
  ltx_job_release(job);
  ltx_client_release(client);
  /* A client of the child's own works. */
  ltx_client *mine = emulator_client(service);
  CHECK_OK(ltx_client_check(mine, NULL, &other, &err), err);
  CHECK_OK(ltx_op_wait(other, -1, &err), err);
  ltx_op_release(other);
  ltx_client_release(mine);
  ltx_request_free(request);
  /* Not by an exit: a leak checker would look for what the threads held that a fork does not copy. */
  kill(getpid(), SIGKILL);
}

static void a_fork_is_answered(void) {
  emulator service;
  emulator_start(&service, "{\"job\":{\"pending_polls\":3}}");
  ltx_client *client = emulator_client(&service);
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  ltx_job *job = NULL;
  ltx_request *request = emulator_request();
  CHECK_OK(ltx_client_submit(client, request, NULL, &op, &err), err);
  CHECK_OK(ltx_op_wait(op, -1, &err), err);
  CHECK_OK(ltx_op_take_job(op, &job, &err), err);
  ltx_op_release(op);
  CHECK_OK(ltx_job_wait(job, NULL, &op, &err), err);
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    child(client, job, op, &service);
  }
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFSIGNALED(status));
  CHECK_INT(WTERMSIG(status), SIGKILL);
  /* The parent notices nothing. */
  CHECK_OK(ltx_op_wait(op, 20000, &err), err);
  ltx_op_release(op);
  ltx_job_release(job);
  ltx_request_free(request);
  ltx_client_release(client);
  emulator_stop(&service);
}

int main(void) {
  a_broken_upload_is_a_status_and_not_a_signal();
  a_fork_is_answered();
  return 0;
}
