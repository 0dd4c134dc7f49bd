/*
 * The barrier: after close returned no callback runs and none comes, tried in the middle of a storm of progress, as often as is asked.
 *
 *   barrier CLOSES
 */
#define _XOPEN_SOURCE 700
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "emulator.h"

enum { SIDE_BY_SIDE = 4, WAITS = 40 };

static const char slow[] = "{\"job\":{\"pending_polls\":1000000}}";

/* One client's life, and what its callbacks saw. */
typedef struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int progress, destroyed, running, closed;
  /* Callbacks that ran, or were running, after close had returned. */
  int late;
} life;

static void enter(life *at) {
  pthread_mutex_lock(&at->lock);
  at->late += at->closed;
  ++at->running;
  pthread_mutex_unlock(&at->lock);
}

static void leave(life *at, int *count) {
  pthread_mutex_lock(&at->lock);
  at->late += at->closed;
  --at->running;
  ++*count;
  pthread_cond_broadcast(&at->changed);
  pthread_mutex_unlock(&at->lock);
}

static int32_t on_progress(void *user_data, ltx_op *op, const ltx_op_info *info) {
  life *at = user_data;
  (void)op;
  (void)info;
  enter(at);
  /* Long enough that a close meets some of them. */
  const struct timespec moment = {0, 300000};
  nanosleep(&moment, NULL);
  leave(at, &at->progress);
  return 0;
}

static void destroy(void *user_data) {
  life *at = user_data;
  enter(at);
  leave(at, &at->destroyed);
}

static void *dispatches(void *client) {
  while (ltx_client_dispatch(client, -1, 0, NULL, NULL) == LTX_OK) {
  }
  return NULL;
}

static const emulator *service;
static char job_ref[256];
static int rounds;
static pthread_mutex_t sum = PTHREAD_MUTEX_INITIALIZER;
static long closes, all_progress, met_running;

static void one_life(unsigned *random) {
  life at;
  memset(&at, 0, sizeof at);
  pthread_mutex_init(&at.lock, NULL);
  pthread_cond_init(&at.changed, NULL);
  ltx_error *err = NULL;
  ltx_client *client = emulator_client(service);
  ltx_job *job = NULL;
  CHECK_OK(ltx_client_job(client, job_ref, &job, &err), err);
  ltx_callbacks to = LTX_CALLBACKS_INIT;
  to.on_progress = on_progress;
  to.user_data = &at;
  to.destroy = destroy;
  for (int i = 0; i < WAITS; ++i) {
    ltx_op *op = NULL;
    CHECK_OK(ltx_job_wait(job, &to, &op, &err), err);
    ltx_op_release(op);
  }
  pthread_t threads[2];
  for (int i = 0; i < 2; ++i) {
    CHECK_INT(pthread_create(&threads[i], NULL, dispatches, client), 0);
  }
  /* Progress comes for all of them at once; the close somewhere in there. */
  *random = *random * 1103515245u + 12345u;
  const int after = 1 + (int)((*random >> 16) % WAITS);
  pthread_mutex_lock(&at.lock);
  while (at.progress < after) {
    pthread_cond_wait(&at.changed, &at.lock);
  }
  const int running = at.running;
  pthread_mutex_unlock(&at.lock);
  const ltx_status status = ltx_client_close(client, 5000, &err);
  pthread_mutex_lock(&at.lock);
  CHECK_INT(at.running, 0);
  at.closed = 1;
  pthread_mutex_unlock(&at.lock);
  CHECK(status == LTX_OK || status == LTX_PENDING);
  for (int i = 0; i < 2; ++i) {
    pthread_join(threads[i], NULL);
  }
  ltx_job_release(job);
  ltx_client_release(client);
  CHECK_INT(at.destroyed, WAITS);
  CHECK_INT(at.late, 0);
  pthread_mutex_lock(&sum);
  ++closes;
  all_progress += at.progress;
  met_running += running > 0;
  pthread_mutex_unlock(&sum);
  pthread_cond_destroy(&at.changed);
  pthread_mutex_destroy(&at.lock);
}

static void *lives(void *seed) {
  unsigned random = *(unsigned *)seed;
  for (int i = 0; i < rounds; ++i) {
    one_life(&random);
  }
  return NULL;
}

int main(int argc, char **argv) {
  CHECK(argc == 2 && atoi(argv[1]) >= SIDE_BY_SIDE);
  alarm(900);
  rounds = atoi(argv[1]) / SIDE_BY_SIDE;
  emulator child;
  emulator_start(&child, slow);
  service = &child;
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  ltx_job *job = NULL;
  ltx_client *client = emulator_client(service);
  ltx_request *request = emulator_request();
  CHECK_OK(ltx_client_submit(client, request, NULL, &op, &err), err);
  CHECK_OK(ltx_op_wait(op, 60000, &err), err);
  CHECK_OK(ltx_op_take_job(op, &job, &err), err);
  CHECK(strlen(ltx_job_ref_string(job)) < sizeof job_ref);
  strcpy(job_ref, ltx_job_ref_string(job));
  ltx_job_release(job);
  ltx_op_release(op);
  ltx_request_free(request);
  ltx_client_release(client);

  pthread_t threads[SIDE_BY_SIDE];
  unsigned seeds[SIDE_BY_SIDE];
  for (unsigned i = 0; i < SIDE_BY_SIDE; ++i) {
    seeds[i] = i;
    CHECK_INT(pthread_create(&threads[i], NULL, lives, &seeds[i]), 0);
  }
  for (unsigned i = 0; i < SIDE_BY_SIDE; ++i) {
    pthread_join(threads[i], NULL);
  }
  emulator_stop(&child);
  printf("%ld closes in a storm of progress (%ld callbacks, %ld closes met one that ran): 0 callbacks after close (limit 0), each of %ld destroyed once\n",
         closes, all_progress, met_running, closes * WAITS);
  return 0;
}
