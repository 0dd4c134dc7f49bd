/* After a crash: what a killed process left in the journal is listed, settled, and fetched; nothing is paid again. */
#define _XOPEN_SOURCE 700
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "emulator.h"

static ltx_client *journaled(const emulator *service, const char *directory, const char *key) {
  const char *settings[][2] = {
      {"api_key", key}, {"base_url", service->api_url}, {"journal", directory}, {"poll_interval", "20ms"},
  };
  ltx_error *err = NULL;
  ltx_config *config = ltx_config_new();
  for (size_t i = 0; i < sizeof settings / sizeof *settings; ++i) {
    CHECK_OK(ltx_config_set(config, settings[i][0], settings[i][1], &err), err);
  }
  ltx_client *client = NULL;
  CHECK_OK(ltx_client_new(config, &client, &err), err);
  ltx_config_free(config);
  return client;
}

static ltx_op *submit(ltx_client *client, const char *label) {
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  ltx_request *request = emulator_request();
  CHECK_OK(ltx_request_set_label(request, label, &err), err);
  CHECK_OK(ltx_request_set_once(request, label, &err), err);
  if (strcmp(label, "sh010") != 0) {
    CHECK_OK(ltx_request_set_dest(request, "/shots/020", &err), err);
    CHECK_OK(ltx_request_set_max_cost(request, "100", &err), err);
  }
  CHECK_OK(ltx_client_submit(client, request, NULL, &op, &err), err);
  ltx_request_free(request);
  return op;
}

/* Submits one job, then another whose reply never comes; dies there. */
static void child(const emulator *service, const char *directory, int tell) {
  alarm(300);
  ltx_error *err = NULL;
  ltx_job *job = NULL;
  ltx_client *client = journaled(service, directory, service->api_key);
  ltx_op *op = submit(client, "sh010");
  CHECK_OK(ltx_op_wait(op, -1, &err), err);
  CHECK_OK(ltx_op_take_job(op, &job, &err), err);
  const size_t length = strlen(ltx_job_ref_string(job));
  CHECK(write(tell, ltx_job_ref_string(job), length) == (ssize_t)length);
  ltx_op_wait(submit(client, "sh020"), -1, NULL);
  _exit(1);
}

static ltx_recovered *recovered(ltx_client *client) {
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  ltx_recovered *found = NULL;
  ltx_submits *wrong = NULL;
  CHECK_OK(ltx_client_recover(client, NULL, &op, &err), err);
  CHECK_OK(ltx_op_wait(op, 20000, &err), err);
  CHECK_STATUS(ltx_op_take_submits(op, &wrong, NULL), LTX_INVALID_STATE, NULL);
  CHECK_OK(ltx_op_take_recovered(op, &found, &err), err);
  ltx_op_release(op);
  return found;
}

static ltx_status resolved(ltx_client *client, const char *intent, const char *job) {
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  CHECK_OK(ltx_client_resolve(client, intent, job, NULL, &op, &err), err);
  const ltx_status status = ltx_op_wait(op, 20000, NULL);
  ltx_op_release(op);
  return status;
}

static void a_killed_process_is_recovered_and_pays_nothing_again(void) {
  emulator service;
  emulator_start(&service, "{\"fault\":[{\"route\":\"submit\",\"skip\":1,\"do\":\"read_and_never_answer\"}]}");
  char *directory = emulator_directory();
  int pipe_ends[2];
  CHECK(pipe(pipe_ends) == 0);
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    child(&service, directory, pipe_ends[1]);
  }
  close(pipe_ends[1]);
  char reference[256] = {0};
  CHECK(read(pipe_ends[0], reference, sizeof reference - 1) > 20);
  close(pipe_ends[0]);
  /* The second request was read whole: its body is on the service, its reply will never come. */
  const struct timespec moment = {0, 5000000};
  for (int left = 4000; left > 0 && emulator_count(&service, "POST", "/v2/video-to-video-hdr") < 2; --left) {
    nanosleep(&moment, NULL);
  }
  CHECK_INT(emulator_count(&service, "POST", "/v2/video-to-video-hdr"), 2);
  CHECK_INT(kill(pid, SIGKILL), 0);
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

  ltx_error *err = NULL;
  ltx_client *client = journaled(&service, directory, service.api_key);
  ltx_recovered *found = recovered(client);
  CHECK_INT(ltx_recovered_job_count(found), 1);
  ltx_job *job = NULL, *again = NULL;
  CHECK_OK(ltx_recovered_job(found, 0, &job, &err), err);
  CHECK_STATUS(ltx_recovered_job(found, 1, &again, NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK(again == NULL);
  CHECK_TEXT(ltx_job_ref_string(job), reference);
  CHECK_TEXT(ltx_job_label(job), "sh010");
  const ltx_submits *unknown = ltx_recovered_unknown(found);
  CHECK_INT(ltx_submits_count(unknown), 1);
  CHECK_INT(ltx_submits_count(ltx_recovered_other_key(found)), 0);
  CHECK_INT(ltx_submits_fate(unknown, 0), LTX_FATE_UNKNOWN);
  CHECK_TEXT(ltx_submits_label(unknown, 0), "sh020");
  CHECK_TEXT(ltx_submits_once(unknown, 0), "sh020");
  CHECK_TEXT(ltx_submits_endpoint(unknown, 0), "video-to-video-hdr");
  CHECK(ltx_submits_job(unknown, 0) == NULL && ltx_submits_intent(unknown, 1) == NULL);
  /* No answer came: there is no request id, and one attempt is in doubt. */
  CHECK(ltx_submits_request_id(unknown, 0) == NULL);
  CHECK_INT(ltx_submits_doubts(unknown, 0), 1);
  CHECK_TEXT(ltx_submits_dest(unknown, 0), "/shots/020");
  CHECK(ltx_submits_usd(unknown, 0) != NULL && strtod(ltx_submits_usd(unknown, 0), NULL) > 0);
  CHECK(ltx_submits_began_at(unknown, 0) > 0 && !ltx_submits_is_other_key(unknown, 0));
  char intent[256];
  snprintf(intent, sizeof intent, "%s", ltx_submits_intent(unknown, 0));
  /* What belongs to the whole is not freed apart; the job outlives it. */
  ltx_recovered_free(found);

  /* The same shot again is refused, not paid, as long as nobody settled it. */
  ltx_op *op = submit(client, "sh020");
  CHECK_STATUS(ltx_op_wait(op, 20000, &err), LTX_SUBMIT_UNKNOWN, err);
  CHECK_TEXT(ltx_error_job_ref(err), intent);
  ltx_error_free(err);
  ltx_op_release(op);
  CHECK_INT(emulator_count(&service, "POST", "/v2/video-to-video-hdr"), 2);

  CHECK_STATUS(resolved(client, "intent:unheard-of", NULL), LTX_NOT_FOUND, NULL);
  CHECK_STATUS(resolved(client, reference, NULL), LTX_INVALID_REQUEST, NULL);
  CHECK_OK(resolved(client, intent, reference), NULL);
  CHECK_STATUS(resolved(client, intent, NULL), LTX_INVALID_STATE, NULL);
  CHECK_OK(ltx_client_job(client, intent, &again, &err), err);
  CHECK_TEXT(ltx_job_ref_string(again), reference);
  ltx_job_release(again);

  /* The known job is waited for and fetched like any other; then nothing is left to do. */
  ltx_result *result = NULL;
  ltx_saved *saved = NULL;
  char *dest = emulator_directory();
  CHECK_OK(ltx_job_wait(job, NULL, &op, &err), err);
  CHECK_OK(ltx_op_wait(op, 20000, &err), err);
  CHECK_OK(ltx_op_take_result(op, &result, &err), err);
  ltx_op_release(op);
  CHECK_OK(ltx_result_download(result, dest, NULL, NULL, &op, &err), err);
  CHECK_OK(ltx_op_wait(op, 20000, &err), err);
  CHECK_OK(ltx_op_take_saved(op, &saved, &err), err);
  CHECK_INT(ltx_saved_count(saved), 4);
  ltx_op_release(op);
  ltx_saved_free(saved);
  ltx_result_free(result);
  found = recovered(client);
  CHECK_INT(ltx_recovered_job_count(found), 0);
  CHECK_INT(ltx_submits_count(ltx_recovered_unknown(found)), 0);
  ltx_recovered_free(found);

  /* The journal keeps telling what was, also to another key, which cannot ask for it. */
  ltx_submits *list = NULL;
  CHECK_OK(ltx_client_jobs(client, NULL, &op, &err), err);
  CHECK_OK(ltx_op_wait(op, 20000, &err), err);
  CHECK_OK(ltx_op_take_submits(op, &list, &err), err);
  ltx_op_release(op);
  CHECK_INT(ltx_submits_count(list), 2);
  CHECK_TEXT(ltx_submits_job(list, 0), reference);
  CHECK_TEXT(ltx_submits_label(list, 0), "sh010");
  CHECK(ltx_submits_dest(list, 0) == NULL && ltx_submits_usd(list, 0) == NULL);
  CHECK_INT(ltx_submits_fate(list, 1), LTX_FATE_ACCEPTED);
  CHECK_INT(ltx_submits_doubts(list, 1), 0);
  CHECK_INT(ltx_submits_ended(list, 0), LTX_STATE_COMPLETED);
  CHECK(ltx_submits_is_saved(list, 0));
  ltx_submits_free(list);
  ltx_client *other = journaled(&service, directory, "another-key");
  CHECK_OK(ltx_client_jobs(other, NULL, &op, &err), err);
  CHECK_OK(ltx_op_wait(op, 20000, &err), err);
  CHECK_OK(ltx_op_take_submits(op, &list, &err), err);
  CHECK_INT(ltx_submits_count(list), 2);
  CHECK(ltx_submits_is_other_key(list, 0));
  ltx_submits_free(list);
  ltx_op_release(op);
  ltx_client_release(other);

  free(dest);
  free(directory);
  ltx_job_release(job);
  ltx_client_release(client);
  emulator_stop(&service);
}

static void a_lost_id_is_listed_with_its_request_id(void) {
  emulator service;
  emulator_start(&service, "{\"fault\":[{\"route\":\"submit\",\"do\":\"no_id\"}]}");
  char *directory = emulator_directory();
  ltx_client *client = journaled(&service, directory, service.api_key);
  ltx_error *err = NULL;
  ltx_op *op = submit(client, "sh010");
  CHECK_STATUS(ltx_op_wait(op, 20000, &err), LTX_ID_LOST, err);
  ltx_op_release(op);
  ltx_recovered *found = recovered(client);
  const ltx_submits *unknown = ltx_recovered_unknown(found);
  CHECK_INT(ltx_submits_count(unknown), 1);
  CHECK_INT(ltx_submits_fate(unknown, 0), LTX_FATE_ID_LOST);
  CHECK_INT(ltx_submits_doubts(unknown, 0), 0);
  CHECK_TEXT(ltx_submits_request_id(unknown, 0), ltx_error_request_id(err));
  ltx_job *job = NULL;
  CHECK_STATUS(ltx_client_job(client, ltx_submits_intent(unknown, 0), &job, NULL), LTX_ID_LOST, NULL);
  CHECK_OK(resolved(client, ltx_submits_intent(unknown, 0), "video-to-video-hdr/found"), NULL);
  CHECK_OK(ltx_client_job(client, ltx_submits_intent(unknown, 0), &job, NULL), NULL);
  CHECK_TEXT(ltx_job_ref_string(job), "video-to-video-hdr/found");
  ltx_job_release(job);
  ltx_recovered_free(found);
  ltx_error_free(err);
  ltx_client_release(client);
  free(directory);
  emulator_stop(&service);
}

int main(void) {
  a_lost_id_is_listed_with_its_request_id();
  a_killed_process_is_recovered_and_pays_nothing_again();
  return 0;
}
