/* One HDR job from a clip to verified frames on disk, as a C program writes it; and what waiting, cancelling and closing promise on the way. */
#define _XOPEN_SOURCE 700
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "emulator.h"
#include "threads.h"

static long long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static ltx_job *submitted(ltx_client *client) {
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  ltx_job *job = NULL, *again = NULL;
  ltx_result *wrong = NULL;
  ltx_request *request = emulator_request();
  CHECK_OK(ltx_client_submit(client, request, NULL, &op, &err), err);
  ltx_request_free(request);
  CHECK(strncmp(ltx_op_ref_string(op), "intent:", 7) == 0);
  CHECK_OK(ltx_op_wait(op, -1, &err), err);
  CHECK_STATUS(ltx_op_take_result(op, &wrong, &err), LTX_INVALID_STATE, err);
  CHECK(wrong == NULL && strstr(ltx_error_message(err), "gives a job") != NULL);
  ltx_error_free(err);
  CHECK_OK(ltx_op_take_job(op, &job, &err), err);
  CHECK_STATUS(ltx_op_take_job(op, &again, NULL), LTX_INVALID_STATE, NULL);
  CHECK(again == NULL);
  /* The intent leads to the job as well. */
  CHECK_OK(ltx_client_job(client, ltx_op_ref_string(op), &again, &err), err);
  CHECK_TEXT(ltx_job_id(again), ltx_job_id(job));
  ltx_job_release(again);
  ltx_op_release(op);
  return job;
}

static void a_job_goes_all_the_way(void) {
  emulator service;
  emulator_start(&service, "{}");
  ltx_client *client = emulator_client(&service);
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  ltx_job *job = submitted(client);
  CHECK_INT(emulator_count(&service, "POST", "/v2/video-to-video-hdr"), 1);
  CHECK_TEXT(ltx_job_endpoint(job), "video-to-video-hdr");
  char reference[256];
  snprintf(reference, sizeof reference, "video-to-video-hdr/%s", ltx_job_id(job));
  CHECK_TEXT(ltx_job_ref_string(job), reference);

  CHECK_OK(ltx_job_poll(job, NULL, &op, &err), err);
  CHECK_OK(ltx_op_wait(op, -1, &err), err);
  ltx_op_release(op);
  ltx_job_info info;
  info.size = sizeof info;
  CHECK_OK(ltx_job_snapshot(job, &info, &err), err);
  CHECK(info.status >= LTX_STATE_PENDING && info.status <= LTX_STATE_COMPLETED && info.status_word[0] != '\0');
  CHECK(info.last_contact_ms > 0 && info.created_at_ms > 0);

  CHECK_OK(ltx_job_wait(job, NULL, &op, &err), err);
  const ltx_op *const ops[] = {op};
  size_t index = 7;
  CHECK_OK(ltx_ops_wait_any(ops, 1, -1, &index, &err), err);
  CHECK_INT(index, 0);
  ltx_result *result = NULL;
  CHECK_OK(ltx_op_take_result(op, &result, &err), err);
  ltx_op_release(op);
  CHECK_INT(ltx_result_count(result), 2);
  CHECK_TEXT(ltx_result_label(result, 0), "exr_frames_url");
  CHECK_TEXT(ltx_result_label(result, 1), "video_url");
  CHECK(ltx_result_label(result, 2) == NULL && ltx_result_url(result, 2) == NULL);
  CHECK(strncmp(ltx_result_url(result, 0), "http", 4) == 0);
  CHECK(ltx_result_completed_at(result) > 0 && ltx_result_job_expires_at(result) > ltx_result_completed_at(result));

  char *dest = emulator_directory();
  ltx_download_options options = {0};
  options.size = sizeof options;
  options.frame_name = "sh010.{frame:04}.exr";
  options.first_frame = 1001;
  options.has_first_frame = 1;
  CHECK_OK(ltx_result_download(result, dest, &options, NULL, &op, &err), err);
  ltx_result_free(result);
  CHECK_OK(ltx_op_wait(op, -1, &err), err);
  ltx_op_info progress;
  progress.size = sizeof progress;
  CHECK_OK(ltx_op_snapshot(op, &progress, &err), err);
  CHECK_INT(progress.outcome, LTX_OK);
  CHECK_INT(progress.frames_done, 3);
  ltx_saved *saved = NULL;
  CHECK_OK(ltx_op_take_saved(op, &saved, &err), err);
  ltx_op_release(op);
  CHECK_INT(ltx_saved_count(saved), 4);
  char first[512];
  snprintf(first, sizeof first, "%s/exr_frames/sh010.1001.exr", dest);
  CHECK_TEXT(ltx_saved_path(saved, 0), first);
  CHECK(access(first, R_OK) == 0 && ltx_saved_bytes(saved) > 1000);
  ltx_saved_free(saved);
  free(dest);

  ltx_job_release(job);
  CHECK_OK(ltx_client_close(client, 20000, &err), err);
  ltx_client_release(client);
  emulator_stop(&service);
}

static int32_t stop_after_three(void *user_data) { return ++*(int *)user_data >= 3; }

static long long cancelled_at;

static void *cancel_soon(void *op) {
  const struct timespec soon = {0, 50 * 1000000};
  nanosleep(&soon, NULL);
  cancelled_at = now_ms();
  ltx_op_cancel((ltx_op *)op, NULL);
  return NULL;
}

static void waits_end_when_they_should(void) {
  emulator service;
  /* A job that stays pending for a very long time. */
  emulator_start(&service, "{\"job\":{\"pending_polls\":1000000}}");
  ltx_client *client = emulator_client(&service);
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  ltx_job *job = submitted(client);
  CHECK_OK(ltx_job_wait(job, NULL, &op, &err), err);
  CHECK_STATUS(ltx_op_wait(op, 0, &err), LTX_PENDING, err);
  CHECK_STATUS(ltx_op_wait(op, 30, &err), LTX_PENDING, err);
  CHECK(err == NULL);
  int asked = 0;
  CHECK_STATUS(ltx_op_wait_until(op, -1, 5, stop_after_three, &asked, &err), LTX_STOPPED, err);
  CHECK_INT(asked, 3);
  asked = -1000000;
  CHECK_STATUS(ltx_op_wait_until(op, 30, 5, stop_after_three, &asked, &err), LTX_PENDING, err);
  CHECK_STATUS(ltx_op_wait_until(op, 30, 0, stop_after_three, &asked, NULL), LTX_INVALID_ARGUMENT, NULL);
  const ltx_op *const ops[] = {op, op};
  size_t index = 7;
  CHECK_STATUS(ltx_ops_wait_any(ops, 2, 30, &index, &err), LTX_PENDING, err);
  CHECK_INT(index, 2);

  ltx_op *limited = NULL;
  CHECK_OK(ltx_job_wait_for(job, 30, NULL, &limited, &err), err);
  CHECK_STATUS(ltx_op_wait(limited, -1, &err), LTX_WAIT_TIMEOUT, err);
  CHECK_INT(ltx_error_billing(err), LTX_BILLING_JOB_EXISTS);
  CHECK_TEXT(ltx_error_job_ref(err), ltx_job_ref_string(job));
  CHECK(ltx_error_is_retryable(err) && !ltx_error_job_ended(err));
  ltx_error *copy = ltx_error_clone(err);
  ltx_error_free(err);
  CHECK_INT(ltx_error_status(copy), LTX_WAIT_TIMEOUT);
  ltx_error_free(copy);
  /* Told as often as it is asked. */
  CHECK_STATUS(ltx_op_wait(limited, 0, NULL), LTX_WAIT_TIMEOUT, NULL);
  ltx_op_release(limited);

  pthread_t thread;
  CHECK_INT(pthread_create(&thread, NULL, cancel_soon, op), 0);
  CHECK_STATUS(ltx_op_wait(op, -1, &err), LTX_CANCELLED, err);
  const long long woken_at = now_ms();
  pthread_join(thread, NULL);
  CHECK(woken_at - cancelled_at <= 100);
  ltx_error_free(err);
  ltx_op_release(op);
  ltx_job_release(job);
  ltx_client_release(client);
  emulator_stop(&service);
}

static void *wait_for_ever(void *op) {
  static ltx_status status;
  status = ltx_op_wait((ltx_op *)op, -1, NULL);
  return &status;
}

static void closing_wakes_waiters_and_joins_every_thread(void) {
  emulator service;
  emulator_start(&service, "{\"job\":{\"pending_polls\":1000000}}");
  const int before = threads_now();
  ltx_client *client = emulator_client(&service);
  CHECK(threads_are(before));
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  ltx_job *job = submitted(client);
  CHECK_OK(ltx_job_wait(job, NULL, &op, &err), err);
  CHECK(before == 0 || threads_now() > before);
  pthread_t thread;
  CHECK_INT(pthread_create(&thread, NULL, wait_for_ever, op), 0);
  const long long began = now_ms();
  CHECK_OK(ltx_client_close(client, 20000, &err), err);
  void *woken = NULL;
  pthread_join(thread, &woken);
  CHECK(now_ms() - began <= 600);
  CHECK_INT(*(ltx_status *)woken, LTX_CLOSED);
  CHECK(threads_are(before));
  CHECK_OK(ltx_client_close(client, 5000, &err), err);
  ltx_op *after = NULL;
  CHECK_OK(ltx_job_wait(job, NULL, &after, &err), err);
  CHECK_STATUS(ltx_op_wait(after, -1, NULL), LTX_CLOSED, NULL);
  ltx_op_release(after);
  ltx_op_release(op);
  ltx_job_release(job);
  ltx_client_release(client);

  /* And begun anew in the same process. */
  client = emulator_client(&service);
  CHECK_OK(ltx_client_check(client, NULL, &op, &err), err);
  CHECK_OK(ltx_op_wait(op, -1, &err), err);
  ltx_op_release(op);
  ltx_client_release(client);
  CHECK(threads_are(before));
  emulator_stop(&service);
}

/* The finding about a part. */
static size_t finding(const ltx_checked *checked, const char *what) {
  size_t index = 0;
  while (index < ltx_checked_count(checked) && strcmp(ltx_checked_what(checked, index), what) != 0) {
    ++index;
  }
  CHECK(index < ltx_checked_count(checked));
  return index;
}

static void a_check_reports_every_part_also_when_one_failed(void) {
  emulator service;
  emulator_start(&service, "{\"fault\":[{\"route\":\"poll\",\"skip\":2,\"do\":\"read_and_never_answer\"}]}");
  ltx_client *client = emulator_client(&service);
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  ltx_checked *checked = NULL;
  CHECK_OK(ltx_client_check(client, NULL, &op, &err), err);
  CHECK_OK(ltx_op_wait(op, 20000, &err), err);
  CHECK_OK(ltx_op_take_checked(op, &checked, &err), err);
  CHECK_INT(ltx_checked_count(checked), 7);
  for (size_t i = 0; i < ltx_checked_count(checked); ++i) {
    CHECK_INT(ltx_checked_state(checked, i), LTX_FOUND_OK);
    CHECK_INT(ltx_checked_status(checked, i), LTX_OK);
    CHECK(*ltx_checked_detail(checked, i) != '\0');
  }
  CHECK(ltx_checked_elapsed_ms(checked, finding(checked, "api")) >= 0 && ltx_checked_elapsed_ms(checked, finding(checked, "proxy")) == -1);
  CHECK_TEXT(ltx_checked_setting_key(checked, 0), "api_key");
  CHECK_TEXT(ltx_checked_setting_value(checked, 0), "***");
  CHECK_TEXT(ltx_checked_setting_origin(checked, 0), "argument");
  CHECK(ltx_checked_setting_count(checked) > 10 && ltx_checked_setting_key(checked, 1000) == NULL && ltx_checked_request_id(checked) != NULL);
  CHECK(strstr(ltx_checked_text(checked), "api_key: *** (argument)\n") != NULL && strstr(ltx_checked_text(checked), "storage       ok ") != NULL);
  ltx_checked *again = NULL;
  CHECK_STATUS(ltx_op_take_checked(op, &again, NULL), LTX_INVALID_STATE, NULL);
  ltx_checked_free(checked);
  ltx_op_release(op);
  CHECK_INT(emulator_count(&service, "PUT", "*"), 0);

  CHECK_OK(ltx_client_set_api_key(client, "canary-stale", &err), err);
  CHECK_OK(ltx_client_check(client, NULL, &op, &err), err);
  CHECK_STATUS(ltx_op_wait(op, 20000, &err), LTX_UNAUTHENTICATED, err);
  ltx_error_free(err);
  CHECK_OK(ltx_op_take_checked(op, &checked, &err), err);
  CHECK_INT(ltx_checked_state(checked, finding(checked, "key")), LTX_FOUND_FAILED);
  CHECK_INT(ltx_checked_status(checked, finding(checked, "key")), LTX_UNAUTHENTICATED);
  CHECK_INT(ltx_checked_state(checked, finding(checked, "journal")), LTX_FOUND_OK);
  CHECK_INT(ltx_checked_state(checked, finding(checked, "storage")), LTX_FOUND_SKIPPED);
  CHECK(strstr(ltx_checked_text(checked), "canary") == NULL);
  ltx_checked_free(checked);
  ltx_op_release(op);
  /* What was stopped has found nothing. */
  CHECK_OK(ltx_client_check(client, NULL, &op, &err), err);
  CHECK_OK(ltx_client_close(client, 5000, &err), err);
  CHECK_STATUS(ltx_op_take_checked(op, &checked, NULL), LTX_CLOSED, NULL);
  CHECK(checked == NULL);
  ltx_op_release(op);
  ltx_client_release(client);
  emulator_stop(&service);
}

int main(void) {
  a_job_goes_all_the_way();
  waits_end_when_they_should();
  closing_wakes_waiters_and_joins_every_thread();
  a_check_reports_every_part_also_when_one_failed();
  return 0;
}
