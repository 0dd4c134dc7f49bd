/*
 * Eight render threads with fifty jobs each on one client, each of them cancelled at random: in its submit, in its wait, or not at all. Every operation ends,
 * with success or as cancelled; nothing hangs, and all threads of the library are gone afterwards.
 */
#define _XOPEN_SOURCE 700
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "emulator.h"
#include "threads.h"

enum { THREADS = 8, JOBS = 50 };

static ltx_client *client;
static pthread_mutex_t sum = PTHREAD_MUTEX_INITIALIZER;
static int completed, cancelled_submits, cancelled_waits, unknown;

static void pause_us(unsigned us) {
  const struct timespec moment = {0, (long)us * 1000};
  nanosleep(&moment, NULL);
}

static int32_t gives_up(void *user_data) {
  int *left = user_data;
  return --*left < 0;
}

static void one_job(unsigned random) {
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  ltx_job *job = NULL;
  ltx_request *request = NULL;
  CHECK_OK(ltx_request_new("text-to-video", &request, &err), err);
  CHECK_OK(ltx_request_set_string(request, "prompt", "a lighthouse", &err), err);
  CHECK_OK(ltx_request_set_string(request, "model", "ltx-2-3-pro", &err), err);
  CHECK_OK(ltx_request_set_string(request, "resolution", "1920x1080", &err), err);
  CHECK_OK(ltx_request_set_int(request, "duration", 6, &err), err);
  CHECK_OK(ltx_client_submit(client, request, NULL, &op, &err), err);
  ltx_request_free(request);
  const unsigned kind = random % 4;
  if (kind == 0) {
    pause_us(random / 4 % 3000);
    CHECK_OK(ltx_op_cancel(op, &err), err);
  }
  ltx_status status = ltx_op_wait(op, 60000, &err);
  if (status != LTX_OK) {
    /* Only who cancelled hears of it; and when it came between the request and its answer, nobody can tell. */
    if (kind != 0 || (status != LTX_CANCELLED && status != LTX_SUBMIT_UNKNOWN)) {
      fprintf(stderr, "a submit, kind %u: %s\n", kind, ltx_error_message(err));
      exit(1);
    }
    ltx_error_free(err);
    ltx_op_release(op);
    pthread_mutex_lock(&sum);
    ++*(status == LTX_CANCELLED ? &cancelled_submits : &unknown);
    pthread_mutex_unlock(&sum);
    return;
  }
  CHECK_OK(ltx_op_take_job(op, &job, &err), err);
  ltx_op_release(op);
  CHECK_OK(ltx_job_wait(job, NULL, &op, &err), err);
  if (kind == 1) {
    /* As a render does: it asks its host now and then whether to give up. */
    int left = (int)(random / 4 % 10);
    status = ltx_op_wait_until(op, 60000, 2, gives_up, &left, &err);
    if (status == LTX_STOPPED) {
      CHECK_OK(ltx_op_cancel(op, &err), err);
    }
  }
  status = ltx_op_wait(op, 60000, &err);
  CHECK(status == LTX_OK || (kind == 1 && status == LTX_CANCELLED));
  ltx_error_free(err);
  if (status == LTX_OK) {
    ltx_result *result = NULL;
    CHECK_OK(ltx_op_take_result(op, &result, &err), err);
    CHECK(ltx_result_count(result) > 0);
    ltx_result_free(result);
  }
  ltx_op_release(op);
  ltx_job_release(job);
  pthread_mutex_lock(&sum);
  ++*(status == LTX_OK ? &completed : &cancelled_waits);
  pthread_mutex_unlock(&sum);
}

static void *renders(void *seed) {
  unsigned random = *(unsigned *)seed;
  for (int i = 0; i < JOBS; ++i) {
    random = random * 1103515245u + 12345u;
    one_job(random >> 8);
  }
  return NULL;
}

int main(void) {
  alarm(300);
  const int before = threads_now();
  emulator service;
  emulator_start(&service, "{\"job\":{\"pending_polls\":2}}");
  client = emulator_client(&service);
  pthread_t threads[THREADS];
  unsigned seeds[THREADS];
  for (unsigned i = 0; i < THREADS; ++i) {
    seeds[i] = i + 1;
    CHECK_INT(pthread_create(&threads[i], NULL, renders, &seeds[i]), 0);
  }
  for (unsigned i = 0; i < THREADS; ++i) {
    pthread_join(threads[i], NULL);
  }
  ltx_error *err = NULL;
  CHECK(ltx_client_close(client, 5000, &err) <= LTX_PENDING);
  ltx_client_release(client);
  CHECK(threads_are(before));
  emulator_stop(&service);
  CHECK_INT(completed + cancelled_submits + cancelled_waits + unknown, THREADS * JOBS);
  CHECK(completed >= THREADS * JOBS / 4 && cancelled_submits + cancelled_waits > 0);
  printf("%d render threads x %d jobs: %d completed, %d submits and %d waits cancelled, %d cancelled on the wire; none hung, threads +0 (limit 0)\n", THREADS,
         JOBS, completed, cancelled_submits, cancelled_waits, unknown);
  return 0;
}
