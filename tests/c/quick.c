/*
 * What a user interface may call: looking, submitting and cancelling take no time however bad the network is, a cancelled wait comes back, and closing keeps
 * its word. Against a server that takes connections and never answers, and a resolver that never does.
 *
 *   quick [--limits]      prints each figure with its promise; fails beyond it only with --limits, else beyond what no busy machine explains
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "emulator.h"

enum { MANY = 500 };

static int strict;

static double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int rising(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Prints, and fails beyond the promise, or, on a machine that others use too, beyond what shows that something was waited for. */
static void figure(const char *what, double seen, double promised, double absurd) {
  printf("%-48s %8.3f ms (limit %g ms)%s\n", what, seen, promised, seen < promised ? "" : "  OVER");
  fflush(stdout);
  if (seen >= (strict ? promised : absurd)) {
    fprintf(stderr, "%s takes %.3f ms\n", what, seen);
    exit(1);
  }
}

/* The value that 99 of 100 are below. */
static void p99(const char *what, double *times, size_t count) {
  qsort(times, count, sizeof *times, rising);
  figure(what, times[count * 99 / 100], 1, 250);
}

/* A resolver that is asked and does not answer: in front of the system's, because a program's names come first. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int resolving, answers;

__attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **results) {
  if (node != NULL && strstr(node, ".silent") != NULL) {
    pthread_mutex_lock(&lock);
    ++resolving;
    pthread_cond_broadcast(&changed);
    while (!answers) {
      pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
    return EAI_AGAIN;
  }
  int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
  void *found = dlsym(RTLD_NEXT, "getaddrinfo");
  CHECK(found != NULL);
  memcpy(&real, &found, sizeof real);
  return real(node, service, hints, results);
}

static ltx_client *client_for(const char *url, const char *journal) {
  ltx_error *err = NULL;
  ltx_client *client = NULL;
  ltx_config *config = ltx_config_new();
  CHECK_OK(ltx_config_set(config, "api_key", "some-key", &err), err);
  CHECK_OK(ltx_config_set(config, "base_url", url, &err), err);
  CHECK_OK(ltx_config_set(config, "journal", journal, &err), err);
  CHECK_OK(ltx_client_new(config, &client, &err), err);
  ltx_config_free(config);
  return client;
}

static ltx_request *prompt(void) {
  ltx_error *err = NULL;
  ltx_request *request = NULL;
  CHECK_OK(ltx_request_new("text-to-video", &request, &err), err);
  CHECK_OK(ltx_request_set_string(request, "prompt", "a lighthouse", &err), err);
  CHECK_OK(ltx_request_set_string(request, "model", "ltx-2-3-pro", &err), err);
  CHECK_OK(ltx_request_set_string(request, "resolution", "1920x1080", &err), err);
  CHECK_OK(ltx_request_set_int(request, "duration", 6, &err), err);
  return request;
}

/* A server whose connections the kernel takes; it never reads. */
static int silent_fd;

static void silent_server(char *url, size_t size) {
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  silent_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  CHECK(silent_fd >= 0 && bind(silent_fd, (const struct sockaddr *)&address, length) == 0 && listen(silent_fd, 4096) == 0);
  CHECK_INT(getsockname(silent_fd, (struct sockaddr *)&address, &length), 0);
  snprintf(url, size, "http://127.0.0.1:%d", ntohs(address.sin_port));
}

typedef struct {
  ltx_op *op;
  double ended;
} waiter;

static void *waits(void *to) {
  waiter *at = to;
  CHECK_STATUS(ltx_op_wait(at->op, -1, NULL), LTX_CANCELLED, NULL);
  at->ended = now_ms();
  return NULL;
}

static void calls_of_a_user_interface_do_not_wait(const char *url) {
  static ltx_op *ops[MANY];
  static double times[MANY];
  ltx_error *err = NULL;
  /* With the journal on disk, as it is for everybody. */
  char *journal = emulator_directory();
  ltx_client *client = client_for(url, journal);
  ltx_request *request = prompt();
  ltx_job *job = NULL;
  CHECK_OK(ltx_client_job(client, "text-to-video/some-id", &job, &err), err);
  /* The first one starts the threads. */
  double began = now_ms();
  CHECK_OK(ltx_client_submit(client, request, NULL, &ops[0], &err), err);
  figure("first submit (starts the threads)", now_ms() - began, 50, 1000);
  ltx_op_release(ops[0]);
  for (int i = 0; i < MANY; ++i) {
    began = now_ms();
    CHECK_OK(ltx_client_submit(client, request, NULL, &ops[i], &err), err);
    times[i] = now_ms() - began;
  }
  p99("submit, 99 of 100", times, MANY);
  ltx_op_info info;
  info.size = sizeof info;
  for (int i = 0; i < MANY; ++i) {
    began = now_ms();
    CHECK_OK(ltx_op_snapshot(ops[i], &info, &err), err);
    times[i] = now_ms() - began;
  }
  p99("snapshot of an operation, 99 of 100", times, MANY);
  ltx_job_info known;
  known.size = sizeof known;
  for (int i = 0; i < MANY; ++i) {
    began = now_ms();
    CHECK_OK(ltx_job_snapshot(job, &known, &err), err);
    times[i] = now_ms() - began;
  }
  p99("snapshot of a job, 99 of 100", times, MANY);
  for (int i = 0; i < MANY; ++i) {
    began = now_ms();
    CHECK_OK(ltx_op_cancel(ops[i], &err), err);
    times[i] = now_ms() - began;
  }
  p99("cancel, 99 of 100", times, MANY);
  for (int i = 0; i < MANY; ++i) {
    const ltx_status ended = ltx_op_wait(ops[i], -1, NULL);
    CHECK(ended == LTX_CANCELLED || ended == LTX_SUBMIT_UNKNOWN);
    ltx_op_release(ops[i]);
  }

  /* A wait for the job, which asks a server that is silent: cancelled, its waiter is back. */
  double worst = 0;
  for (int i = 0; i < 20; ++i) {
    waiter at = {NULL, 0};
    CHECK_OK(ltx_job_wait(job, NULL, &at.op, &err), err);
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, waits, &at), 0);
    CHECK_STATUS(ltx_op_wait(at.op, 10, &err), LTX_PENDING, err);
    began = now_ms();
    CHECK_OK(ltx_op_cancel(at.op, &err), err);
    pthread_join(thread, NULL);
    worst = at.ended - began > worst ? at.ended - began : worst;
    ltx_op_release(at.op);
  }
  figure("cancel until the wait is back, worst of 20", worst, 100, 5000);
  ltx_job_release(job);
  ltx_request_free(request);
  CHECK(ltx_client_close(client, 0, NULL) <= LTX_PENDING);
  ltx_client_release(client);
  free(journal);
}

static void closing_keeps_its_word(const char *url) {
  ltx_error *err = NULL;
  ltx_request *request = prompt();
  for (int fd; (fd = accept(silent_fd, NULL, NULL)) >= 0;) {
    close(fd);
  }
  for (int resolver = 0; resolver < 2; ++resolver) {
    ltx_op *ops[8];
    ltx_client *client = client_for(resolver ? "https://api.silent" : url, "memory");
    for (int i = 0; i < 4; ++i) {
      CHECK_OK(ltx_client_submit(client, request, NULL, &ops[2 * i], &err), err);
      CHECK_OK(ltx_client_check(client, NULL, &ops[2 * i + 1], &err), err);
    }
    if (resolver) {
      pthread_mutex_lock(&lock);
      while (resolving == 0) {
        pthread_cond_wait(&changed, &lock);
      }
      pthread_mutex_unlock(&lock);
    } else {
      /* All of them from before are let go; then one of these has come. */
      struct pollfd at = {silent_fd, POLLIN, 0};
      CHECK_INT(poll(&at, 1, 60000), 1);
    }
    const double began = now_ms();
    const ltx_status status = ltx_client_close(client, 500, &err);
    figure(resolver ? "close(500), the resolver hangs" : "close(500), the server hangs", now_ms() - began, 600, 10000);
    CHECK(status == LTX_OK || status == LTX_PENDING);
    CHECK(!resolver || status == LTX_PENDING);
    for (int i = 0; i < 8; ++i) {
      /* All of them were told, also those that hang. */
      const ltx_status ended = ltx_op_wait(ops[i], 0, NULL);
      CHECK(ended == LTX_CLOSED || ended == LTX_SUBMIT_UNKNOWN);
      ltx_op_release(ops[i]);
    }
    ltx_client_release(client);
  }
  ltx_request_free(request);
  pthread_mutex_lock(&lock);
  answers = 1;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
}

int main(int argc, char **argv) {
  char url[64];
  strict = argc > 1 && strcmp(argv[1], "--limits") == 0;
  alarm(300);
  silent_server(url, sizeof url);
  calls_of_a_user_interface_do_not_wait(url);
  closing_keeps_its_word(url);
  return 0;
}
