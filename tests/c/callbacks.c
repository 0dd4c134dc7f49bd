/* Callbacks: only in dispatch, completion once and last, destroy once whatever happens, none after close; and how an event loop of the host hears of them. */
#define _XOPEN_SOURCE 700
#include <poll.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "emulator.h"
#include "threads.h"

enum { MANY = 1000 };

static const char slow[] = "{\"job\":{\"pending_polls\":1000000}}";

static long long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What one operation's callbacks saw. Under a lock, because dispatch may run on several threads. */
typedef struct {
  int progress, completed, destroyed;
  /* Something came after `destroy`, or progress after completion, or two at a time. */
  int disorder;
  int running;
  ltx_status outcome;
  int32_t answer;
  long long last_ms, shortest_ms;
  pthread_t thread;
  ltx_client *client;
} heard;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* After close returned: then nothing may come. */
static int after_close;

static void enter(heard *at) {
  pthread_mutex_lock(&lock);
  at->disorder |= at->destroyed || at->completed || at->running || after_close;
  at->running = 1;
  at->thread = pthread_self();
  pthread_mutex_unlock(&lock);
}

static void leave(heard *at) {
  pthread_mutex_lock(&lock);
  at->running = 0;
  pthread_mutex_unlock(&lock);
}

static int32_t on_progress(void *user_data, ltx_op *op, const ltx_op_info *info) {
  heard *at = user_data;
  enter(at);
  const long long now = now_ms();
  if (at->progress > 0 && (at->shortest_ms == 0 || now - at->last_ms < at->shortest_ms)) {
    at->shortest_ms = now - at->last_ms;
  }
  at->last_ms = now;
  ++at->progress;
  CHECK(info->size == sizeof *info && info->outcome == LTX_PENDING && info->elapsed_ms >= 0);
  /* Looking is fine in here, waiting is not. */
  ltx_status status = ltx_op_wait(op, 0, NULL);
  CHECK(status == LTX_PENDING || status == LTX_OK || status >= 100);
  leave(at);
  return at->answer;
}

static void on_complete(void *user_data, ltx_op *op, ltx_status outcome) {
  heard *at = user_data;
  enter(at);
  at->outcome = outcome;
  /* It has ended: this does not wait, and tells the same. */
  CHECK_STATUS(ltx_op_wait(op, -1, NULL), outcome, NULL);
  leave(at);
  pthread_mutex_lock(&lock);
  ++at->completed;
  pthread_mutex_unlock(&lock);
}

static void destroy(void *user_data) {
  heard *at = user_data;
  pthread_mutex_lock(&lock);
  at->disorder |= at->destroyed || at->running || after_close;
  ++at->destroyed;
  at->thread = pthread_self();
  pthread_mutex_unlock(&lock);
}

static ltx_callbacks into(heard *at) {
  ltx_callbacks callbacks = LTX_CALLBACKS_INIT;
  callbacks.on_progress = on_progress;
  callbacks.on_complete = on_complete;
  callbacks.user_data = at;
  callbacks.destroy = destroy;
  return callbacks;
}

static ltx_job *some_job(ltx_client *client) {
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  ltx_job *job = NULL;
  ltx_request *request = emulator_request();
  CHECK_OK(ltx_client_submit(client, request, NULL, &op, &err), err);
  CHECK_OK(ltx_op_wait(op, 20000, &err), err);
  CHECK_OK(ltx_op_take_job(op, &job, &err), err);
  ltx_op_release(op);
  ltx_request_free(request);
  return job;
}

static void every_operation_takes_callbacks_and_they_run_on_the_dispatching_thread(void) {
  emulator service;
  emulator_start(&service, "{}");
  ltx_client *client = emulator_client(&service);
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  heard at[12];
  memset(at, 0, sizeof at);
  ltx_callbacks to[12];
  for (size_t i = 0; i < 12; ++i) {
    to[i] = into(&at[i]);
  }
  ltx_request *request = emulator_request();
  char *dest = emulator_directory();
  CHECK_OK(ltx_client_submit(client, request, &to[0], &op, &err), err);
  ltx_job *job = NULL;
  ltx_result *result = NULL;
  CHECK_OK(ltx_op_wait(op, 20000, &err), err);
  /* It has ended, and nothing was called: nobody dispatched. */
  CHECK_INT(at[0].completed + at[0].progress, 0);
  CHECK_OK(ltx_op_take_job(op, &job, &err), err);
  ltx_op_release(op);
  CHECK_OK(ltx_job_poll(job, &to[1], &op, &err), err);
  ltx_op_release(op);
  CHECK_OK(ltx_job_wait(job, &to[2], &op, &err), err);
  CHECK_OK(ltx_op_wait(op, 20000, &err), err);
  CHECK_OK(ltx_op_take_result(op, &result, &err), err);
  ltx_op_release(op);
  CHECK_OK(ltx_result_download(result, dest, NULL, &to[3], &op, &err), err);
  ltx_op_release(op);
  ltx_frames *frames = NULL;
  CHECK_OK(ltx_result_frames(result, NULL, &to[9], &op, &err), err);
  CHECK_OK(ltx_op_wait(op, 20000, &err), err);
  CHECK_OK(ltx_op_take_frames(op, &frames, &err), err);
  ltx_op_release(op);
  CHECK_OK(ltx_frames_read(frames, 0, &to[10], &op, &err), err);
  ltx_op_release(op);
  char other[512];
  snprintf(other, sizeof other, "%s/again", dest);
  CHECK_OK(ltx_frames_extract(frames, other, NULL, &to[11], &op, &err), err);
  ltx_op_release(op);
  ltx_frames_free(frames);
  CHECK_OK(ltx_client_upload(client, emulator_clip(), &to[4], &op, &err), err);
  ltx_op_release(op);
  CHECK_OK(ltx_client_check(client, &to[5], &op, &err), err);
  ltx_op_release(op);
  CHECK_OK(ltx_client_jobs(client, &to[6], &op, &err), err);
  ltx_op_release(op);
  CHECK_OK(ltx_client_recover(client, &to[7], &op, &err), err);
  ltx_op_release(op);
  CHECK_OK(ltx_client_resolve(client, "intent:unheard-of", NULL, &to[8], &op, &err), err);
  ltx_op_release(op);

  size_t ran = 0;
  for (int ended = 0; ended < 12;) {
    /* One at a time is possible too. */
    CHECK_OK(ltx_client_dispatch(client, 20000, 1, &ran, &err), err);
    CHECK_INT(ran, 1);
    ended = 0;
    for (size_t i = 0; i < 12; ++i) {
      ended += at[i].destroyed;
    }
  }
  CHECK_STATUS(ltx_client_dispatch(client, 0, 0, &ran, &err), LTX_PENDING, err);
  CHECK_INT(ran, 0);
  for (size_t i = 0; i < 12; ++i) {
    CHECK_INT(at[i].completed, 1);
    CHECK_INT(at[i].destroyed, 1);
    CHECK_INT(at[i].disorder, 0);
    CHECK_INT(at[i].outcome, i == 8 ? LTX_NOT_FOUND : LTX_OK);
    CHECK(pthread_equal(at[i].thread, pthread_self()));
  }
  ltx_result_free(result);
  ltx_request_free(request);
  ltx_job_release(job);
  ltx_client_release(client);
  free(dest);
  emulator_stop(&service);
}

static void a_call_that_fails_destroys_before_it_returns(void) {
  emulator service;
  emulator_start(&service, slow);
  ltx_client *client = emulator_client(&service);
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  heard at[5];
  memset(at, 0, sizeof at);
  ltx_callbacks to[5];
  for (size_t i = 0; i < 5; ++i) {
    to[i] = into(&at[i]);
  }
  CHECK_STATUS(ltx_client_submit(client, NULL, &to[0], &op, NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK_STATUS(ltx_client_check(NULL, &to[1], &op, NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK_STATUS(ltx_client_upload(client, "", &to[2], &op, NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK_STATUS(ltx_client_check(client, &to[3], NULL, NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK_OK(ltx_client_close(client, 20000, &err), err);
  CHECK_STATUS(ltx_client_check(client, &to[4], &op, NULL), LTX_CLOSED, NULL);
  CHECK(op == NULL);
  for (size_t i = 0; i < 5; ++i) {
    CHECK_INT(at[i].destroyed, 1);
    CHECK_INT(at[i].completed + at[i].progress + at[i].disorder, 0);
  }
  size_t ran = 7;
  CHECK_STATUS(ltx_client_dispatch(client, -1, 0, &ran, NULL), LTX_CLOSED, NULL);
  CHECK_INT(ran, 0);
  ltx_client_release(client);
  emulator_stop(&service);
}

static void progress_comes_ten_times_a_second_at_most_and_can_cancel(void) {
  emulator service;
  emulator_start(&service, slow);
  ltx_client *client = emulator_client(&service);
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  ltx_job *job = some_job(client);
  heard at;
  memset(&at, 0, sizeof at);
  ltx_callbacks to = into(&at);
  CHECK_OK(ltx_job_wait(job, &to, &op, &err), err);
  const long long began = now_ms();
  /* Nothing changes while the job is pending; a sign of life comes all the same. */
  while (at.progress < 3) {
    CHECK_OK(ltx_client_dispatch(client, 20000, 0, NULL, &err), err);
  }
  CHECK(now_ms() - began < 10000);
  CHECK(at.shortest_ms >= 95);
  at.answer = 1;
  while (at.destroyed == 0) {
    CHECK_OK(ltx_client_dispatch(client, 20000, 0, NULL, &err), err);
  }
  CHECK_INT(at.progress, 4);
  CHECK_INT(at.outcome, LTX_CANCELLED);
  CHECK_INT(at.disorder, 0);
  CHECK_STATUS(ltx_op_wait(op, -1, NULL), LTX_CANCELLED, NULL);
  ltx_op_release(op);

  /* Cancelled from outside: the same end. */
  memset(&at, 0, sizeof at);
  to = into(&at);
  CHECK_OK(ltx_job_wait(job, &to, &op, &err), err);
  CHECK_OK(ltx_op_cancel(op, &err), err);
  ltx_op_release(op);
  while (at.destroyed == 0) {
    CHECK_OK(ltx_client_dispatch(client, 20000, 0, NULL, &err), err);
  }
  CHECK_INT(at.outcome, LTX_CANCELLED);
  CHECK_INT(at.completed, 1);
  ltx_job_release(job);
  ltx_client_release(client);
  emulator_stop(&service);
}

/* Tries in a callback what would wait. */
static ltx_op *endless;

static int32_t never_stop(void *user_data) {
  (void)user_data;
  return 0;
}

static void waits_in_here(void *user_data, ltx_op *op, ltx_status outcome) {
  heard *at = user_data;
  size_t index = 0;
  const ltx_op *const both[] = {endless, op};
  (void)outcome;
  CHECK_STATUS(ltx_op_wait(endless, -1, NULL), LTX_WOULD_DEADLOCK, NULL);
  CHECK_STATUS(ltx_op_wait(endless, 0, NULL), LTX_PENDING, NULL);
  CHECK_STATUS(ltx_op_wait_until(endless, -1, 1, never_stop, NULL, NULL), LTX_WOULD_DEADLOCK, NULL);
  CHECK_STATUS(ltx_ops_wait_any(both, 1, -1, &index, NULL), LTX_WOULD_DEADLOCK, NULL);
  CHECK_OK(ltx_ops_wait_any(both, 2, -1, &index, NULL), NULL);
  CHECK_INT(index, 1);
  CHECK_STATUS(ltx_client_dispatch(at->client, 0, 0, NULL, NULL), LTX_WOULD_DEADLOCK, NULL);
  CHECK_STATUS(ltx_client_close(at->client, 0, NULL), LTX_WOULD_DEADLOCK, NULL);
  /* The last owner goes: closing waits until dispatch is left. */
  ltx_op_release(endless);
  ltx_client_release(at->client);
  ++at->completed;
}

static void waiting_inside_a_callback_is_refused_and_the_last_release_is_not(void) {
  emulator service;
  emulator_start(&service, slow);
  const int before = threads_now();
  ltx_client *client = emulator_client(&service);
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  ltx_job *job = some_job(client);
  heard at, never;
  memset(&at, 0, sizeof at);
  memset(&never, 0, sizeof never);
  at.client = client;
  ltx_callbacks to = into(&at), other = into(&never);
  to.on_progress = NULL;
  to.on_complete = waits_in_here;
  CHECK_OK(ltx_job_wait(job, &other, &endless, &err), err);
  ltx_job_release(job);
  CHECK_OK(ltx_client_check(client, &to, &op, &err), err);
  ltx_op_release(op);
  while (at.completed == 0) {
    CHECK_OK(ltx_client_dispatch(client, 20000, 1, NULL, &err), err);
  }
  CHECK_INT(at.destroyed, 1);
  /* Closed, joined, and what never came to its end destroyed. */
  CHECK_INT(never.destroyed, 1);
  CHECK_INT(never.completed + never.disorder, 0);
  CHECK(threads_are(before));
  emulator_stop(&service);
}

static void a_foreign_loop_hears_of_callbacks_by_the_event_handle(void) {
  emulator service;
  emulator_start(&service, slow);
  const int before = threads_now();
  ltx_client *client = emulator_client(&service);
  ltx_error *err = NULL;
  ltx_op *op = NULL, *check = NULL;
  ltx_job *job = some_job(client);
  int64_t handle = -1, same = -1;
  CHECK_OK(ltx_client_event_handle(client, &handle, &err), err);
  CHECK_OK(ltx_client_event_handle(client, &same, &err), err);
  CHECK_INT(handle, same);
  struct pollfd watched = {(int)handle, POLLIN, 0};
  CHECK_INT(poll(&watched, 1, 0), 0);

  heard at[2];
  memset(at, 0, sizeof at);
  ltx_callbacks to[] = {into(&at[0]), into(&at[1])};
  CHECK_OK(ltx_job_wait(job, &to[0], &op, &err), err);
  CHECK_OK(ltx_client_check(client, &to[1], &check, &err), err);
  while (at[0].progress < 2 || at[1].destroyed == 0) {
    CHECK_INT(poll(&watched, 1, 20000), 1);
    size_t ran = 0;
    CHECK_OK(ltx_client_dispatch(client, 0, 0, &ran, &err), err);
    CHECK(ran > 0);
  }
  CHECK_INT(at[1].outcome, LTX_OK);
  CHECK_OK(ltx_op_cancel(op, &err), err);
  while (at[0].destroyed == 0) {
    CHECK_INT(poll(&watched, 1, 20000), 1);
    CHECK_OK(ltx_client_dispatch(client, 0, 0, NULL, &err), err);
  }
  /* Nothing is due any more, and the loop sleeps. */
  CHECK_INT(poll(&watched, 1, 0), 0);
  CHECK_OK(ltx_client_close(client, 20000, &err), err);
  CHECK(threads_are(before));
  CHECK_INT(poll(&watched, 1, 0), 1);
  CHECK_STATUS(ltx_client_dispatch(client, 0, 0, NULL, NULL), LTX_CLOSED, NULL);
  CHECK_STATUS(ltx_client_event_handle(client, &handle, NULL), LTX_CLOSED, NULL);
  CHECK_INT(handle, -1);
  ltx_op_release(op);
  ltx_op_release(check);
  ltx_job_release(job);
  ltx_client_release(client);
  emulator_stop(&service);
}

static void *dispatch_until_closed(void *client) {
  ltx_status status = LTX_OK;
  while (status == LTX_OK) {
    status = ltx_client_dispatch((ltx_client *)client, -1, 0, NULL, NULL);
  }
  CHECK_STATUS(status, LTX_CLOSED, NULL);
  return NULL;
}

/* Closes when that many of 1,000 operations were told their end, and, for those that never end, when there was progress: in the middle of more. */
static void storm(const emulator *service, int ended_before_close, bool endless_ones) {
  static heard at[MANY];
  memset(at, 0, sizeof at);
  after_close = 0;
  const int before = threads_now();
  ltx_client *client = emulator_client(service);
  ltx_error *err = NULL;
  ltx_job *job = some_job(client);
  int64_t handle = -1;
  CHECK_OK(ltx_client_event_handle(client, &handle, &err), err);
  pthread_t threads[2];
  for (size_t i = 0; i < 2; ++i) {
    CHECK_INT(pthread_create(&threads[i], NULL, dispatch_until_closed, client), 0);
  }
  for (size_t i = 0; i < MANY; ++i) {
    ltx_op *op = NULL;
    ltx_callbacks to = into(&at[i]);
    if (endless_ones) {
      CHECK_OK(ltx_job_wait(job, &to, &op, &err), err);
    } else {
      CHECK_OK(ltx_client_jobs(client, &to, &op, &err), err);
    }
    if (i % 3 == 0) {
      ltx_op_cancel(op, NULL);
    }
    ltx_op_release(op);
  }
  const struct timespec moment = {0, 1000000};
  for (int left = 20000, ended = -1, seen = 0; left > 0 && (ended < ended_before_close || (endless_ones && seen == 0)); --left) {
    nanosleep(&moment, NULL);
    pthread_mutex_lock(&lock);
    ended = seen = 0;
    for (size_t i = 0; i < MANY; ++i) {
      ended += at[i].completed;
      seen += at[i].progress;
    }
    pthread_mutex_unlock(&lock);
  }
  CHECK_OK(ltx_client_close(client, 60000, &err), err);
  pthread_mutex_lock(&lock);
  after_close = 1;
  pthread_mutex_unlock(&lock);
  int completed = 0, progress = 0;
  for (size_t i = 0; i < MANY; ++i) {
    CHECK_INT(at[i].destroyed, 1);
    CHECK_INT(at[i].disorder, 0);
    CHECK(at[i].completed <= 1);
    completed += at[i].completed;
    progress += at[i].progress;
  }
  CHECK(completed >= ended_before_close);
  CHECK(progress > 0 || !endless_ones);
  for (size_t i = 0; i < 2; ++i) {
    pthread_join(threads[i], NULL);
  }
  ltx_job_release(job);
  ltx_client_release(client);
  CHECK(threads_are(before));
  for (size_t i = 0; i < MANY; ++i) {
    CHECK(at[i].destroyed == 1 && at[i].disorder == 0);
  }
  after_close = 0;
}

static void in_a_storm_each_ends_once_and_is_destroyed_once(void) {
  emulator service;
  emulator_start(&service, slow);
  storm(&service, MANY, false);
  storm(&service, 10, false);
  storm(&service, 0, false);
  /* A third of these is cancelled; the others would go on for ever. */
  storm(&service, (MANY + 2) / 3, true);
  storm(&service, 1, true);
  emulator_stop(&service);
}

int main(void) {
  alarm(600);
  every_operation_takes_callbacks_and_they_run_on_the_dispatching_thread();
  a_call_that_fails_destroys_before_it_returns();
  progress_comes_ten_times_a_second_at_most_and_can_cancel();
  waiting_inside_a_callback_is_refused_and_the_last_release_is_not();
  a_foreign_loop_hears_of_callbacks_by_the_event_handle();
  in_a_storm_each_ends_once_and_is_destroyed_once();
  return 0;
}
