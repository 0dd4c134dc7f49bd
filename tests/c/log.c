/* The log: off until it is asked for, on a thread of the library, destroyed once, silent after it was switched off, and without a secret. */
#define _XOPEN_SOURCE 700
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "emulator.h"
#include "threads.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* What one listener heard. */
typedef struct {
  int lines, accepted, polls, inside, finest, destroyed, late, on_host_thread, secrets;
  ltx_status from_inside;
} heard;

static emulator service;

static pthread_t host_thread;

static int is_secret(const char *text) { return strstr(text, service.api_key) != NULL || strstr(text, "X-Goog-Signature") != NULL; }

static void hear(void *user_data, const ltx_log_record *record) {
  heard *at = user_data;
  const ltx_status status = ltx_log_set(LTX_LOG_OFF, NULL, NULL, NULL, NULL);
  pthread_mutex_lock(&lock);
  at->late |= at->destroyed;
  at->on_host_thread |= pthread_equal(pthread_self(), host_thread);
  at->from_inside = status;
  ++at->lines;
  if (record->level > at->finest) {
    at->finest = record->level;
  }
  CHECK(record->size == sizeof *record && record->level >= LTX_LOG_ERROR && record->level <= LTX_LOG_TRACE && record->time_ms > 0);
  CHECK(record->target != NULL && record->message != NULL && record->fields != NULL && record->spans != NULL);
  if (strcmp(record->target, "ltx_jobs::submit") == 0 && strcmp(record->message, "accepted") == 0) {
    ++at->accepted;
    CHECK(strstr(record->fields, "job=video-to-video-hdr/") != NULL && strstr(record->fields, "intent=intent:") != NULL);
    CHECK_TEXT(record->spans, "submit");
  }
  at->polls += strcmp(record->target, "ltx_jobs::poll") == 0;
  at->inside += strncmp(record->target, "ltx_jobs", 8) != 0;
  at->secrets += is_secret(record->message) || is_secret(record->fields) || is_secret(record->spans);
  pthread_mutex_unlock(&lock);
}

static void destroy(void *user_data) {
  heard *at = user_data;
  pthread_mutex_lock(&lock);
  ++at->destroyed;
  at->on_host_thread |= !pthread_equal(pthread_self(), host_thread);
  pthread_mutex_unlock(&lock);
}

static void some_work(void) {
  ltx_error *err = NULL;
  ltx_client *client = emulator_client(&service);
  ltx_request *request = emulator_request();
  ltx_op *op = NULL;
  ltx_job *job = NULL;
  CHECK_OK(ltx_client_submit(client, request, NULL, &op, &err), err);
  CHECK_OK(ltx_op_wait(op, 20000, &err), err);
  CHECK_OK(ltx_op_take_job(op, &job, &err), err);
  ltx_op_release(op);
  CHECK_OK(ltx_job_wait(job, NULL, &op, &err), err);
  CHECK_OK(ltx_op_wait(op, 20000, &err), err);
  ltx_op_release(op);
  ltx_job_release(job);
  ltx_request_free(request);
  ltx_client_release(client);
}

static void a_host_hears_what_it_asked_for_and_nothing_after_it_said_enough(void) {
  static heard first, second;
  ltx_error *err = NULL;
  const int before = threads_now();
  some_work();
  CHECK(threads_are(before));
  CHECK_OK(ltx_log_set(LTX_LOG_INFO, hear, &first, destroy, &err), err);
  CHECK(threads_are(before + (before > 0)));
  some_work();
  /* Replaced: the first has heard all of it by now, and is done with. */
  CHECK_OK(ltx_log_set(LTX_LOG_TRACE, hear, &second, destroy, &err), err);
  CHECK_INT(first.accepted, 1);
  CHECK_INT(first.finest, LTX_LOG_INFO);
  CHECK_INT(first.destroyed, 1);
  const int lines = first.lines;
  some_work();
  CHECK_OK(ltx_log_set(LTX_LOG_OFF, NULL, NULL, NULL, &err), err);
  CHECK(threads_are(before));
  CHECK_INT(first.lines, lines);
  CHECK_INT(second.accepted, 1);
  CHECK_INT(second.finest, LTX_LOG_TRACE);
  CHECK(first.polls == 0 && second.polls > 0);
  CHECK(first.inside == 0 && second.inside > 0);
  CHECK_INT(second.destroyed, 1);
  const int all = second.lines;
  CHECK(all > lines);
  some_work();
  CHECK_INT(second.lines, all);
  CHECK(!first.late && !second.late && !first.on_host_thread && !second.on_host_thread);
  /* Inside the function nothing may wait for it to return. */
  CHECK_INT(first.from_inside, LTX_WOULD_DEADLOCK);
  CHECK_INT(first.secrets + second.secrets, 0);
}

static void what_is_refused_is_destroyed_at_once(void) {
  static heard at;
  ltx_error *err = NULL;
  CHECK_STATUS(ltx_log_set(6, hear, &at, destroy, &err), LTX_INVALID_ARGUMENT, err);
  CHECK(strstr(ltx_error_message(err), "level is 6") != NULL);
  ltx_error_free(err);
  CHECK_INT(at.destroyed, 1);
  CHECK_STATUS(ltx_log_set(-1, hear, &at, destroy, NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK_INT(at.destroyed, 2);
  /* Nobody to tell is the same as off. */
  CHECK_STATUS(ltx_log_set(LTX_LOG_INFO, NULL, &at, destroy, NULL), LTX_OK, NULL);
  CHECK_INT(at.destroyed, 3);
  CHECK_STATUS(ltx_log_set(LTX_LOG_OFF, hear, &at, destroy, NULL), LTX_OK, NULL);
  CHECK_INT(at.destroyed, 4);
  CHECK_INT(at.lines, 0);
}

static void a_forked_child_is_silent_until_it_asks_itself(void) {
  static heard parents, childs;
  CHECK_STATUS(ltx_log_set(LTX_LOG_DEBUG, hear, &parents, destroy, NULL), LTX_OK, NULL);
  some_work();
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    /* Whatever hangs is a failure. */
    alarm(20);
    /* The parent's listener may have held it. */
    pthread_mutex_init(&lock, NULL);
    const int before = parents.lines;
    some_work();
    CHECK_INT(parents.lines, before);
    CHECK_STATUS(ltx_log_set(LTX_LOG_INFO, hear, &childs, destroy, NULL), LTX_OK, NULL);
    some_work();
    CHECK_STATUS(ltx_log_set(LTX_LOG_OFF, NULL, NULL, NULL, NULL), LTX_OK, NULL);
    CHECK_INT(childs.accepted, 1);
    CHECK_INT(childs.destroyed, 1);
    CHECK(parents.lines == before && parents.destroyed == 0);
    _exit(0);
  }
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
  CHECK_INT(WEXITSTATUS(status), 0);
  CHECK_STATUS(ltx_log_set(LTX_LOG_OFF, NULL, NULL, NULL, NULL), LTX_OK, NULL);
  CHECK_INT(parents.accepted, 1);
  CHECK_INT(parents.destroyed, 1);
}

int main(void) {
  emulator_start(&service, "{}");
  host_thread = pthread_self();
  a_host_hears_what_it_asked_for_and_nothing_after_it_said_enough();
  what_is_refused_is_destroyed_at_once();
  a_forked_child_is_silent_until_it_asks_itself();
  emulator_stop(&service);
  return 0;
}
