/* What is told before anything is paid for: what a request costs, what the service would refuse, what a limit forbids, and who waits for a place. */
#define _XOPEN_SOURCE 700
#include "check.h"
#include "emulator.h"

static const char *const submits = "/v2/text-to-video";

static ltx_client *client_with(const emulator *service, const char *key, const char *value) {
  const char *settings[][2] = {
      {"api_key", service->api_key}, {"base_url", service->api_url}, {"journal", "memory"}, {"poll_interval", "20ms"}, {key, value},
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

static ltx_request *with_file(const char *endpoint, const char *field, const char *name) {
  ltx_error *err = NULL;
  ltx_request *request = NULL;
  char path[1024];
  emulator_media(path, sizeof path, name);
  CHECK_OK(ltx_request_new(endpoint, &request, &err), err);
  CHECK_OK(ltx_request_set_media_file(request, field, path, &err), err);
  return request;
}

/* USD 0.78: 6 s at 0.13. */
static ltx_request *shot(void) {
  ltx_error *err = NULL;
  ltx_request *request = NULL;
  CHECK_OK(ltx_request_new("text-to-video", &request, &err), err);
  CHECK_OK(ltx_request_set_string(request, "prompt", "A lighthouse", &err), err);
  CHECK_OK(ltx_request_set_string(request, "model", "ltx-2-5-fast", &err), err);
  CHECK_OK(ltx_request_set_int(request, "duration", 6, &err), err);
  CHECK_OK(ltx_request_set_string(request, "resolution", "1920x1080", &err), err);
  return request;
}

static ltx_op *started(ltx_client *client, ltx_request *request) {
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  CHECK_OK(ltx_client_submit(client, request, NULL, &op, &err), err);
  ltx_request_free(request);
  return op;
}

static ltx_job *job_of(ltx_op *op) {
  ltx_error *err = NULL;
  ltx_job *job = NULL;
  CHECK_OK(ltx_op_wait(op, 20000, &err), err);
  CHECK_OK(ltx_op_take_job(op, &job, &err), err);
  ltx_op_release(op);
  return job;
}

/* An operation that ends with an error and no job, whose message holds the words. */
static void refused(ltx_op *op, ltx_status wanted, const char *words) {
  ltx_error *err = NULL;
  CHECK_STATUS(ltx_op_wait(op, 20000, &err), wanted, err);
  CHECK_INT(ltx_error_billing(err), LTX_BILLING_NO_JOB);
  if (strstr(ltx_error_message(err), words) == NULL) {
    fprintf(stderr, "\"%s\" does not say \"%s\"\n", ltx_error_message(err), words);
    exit(1);
  }
  ltx_error_free(err);
  ltx_op_release(op);
}

static void ended(ltx_job *job) {
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  CHECK_OK(ltx_job_wait(job, NULL, &op, &err), err);
  CHECK_OK(ltx_op_wait(op, 20000, &err), err);
  ltx_op_release(op);
  ltx_job_release(job);
}

static void what_the_service_refuses_never_leaves_this_machine(void) {
  emulator service;
  emulator_start(&service, "{}");
  ltx_client *client = emulator_client(&service);
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  refused(started(client, with_file("video-to-video-hdr", "video_uri", "prores.mov")), LTX_INVALID_REQUEST, "ffmpeg -i ");
  ltx_request *sound = with_file("audio-to-video", "audio_uri", "pcm.wav");
  CHECK_OK(ltx_request_set_string(sound, "prompt", "A singer", &err), err);
  refused(started(client, sound), LTX_INVALID_REQUEST, "plain PCM");
  char path[1024];
  emulator_media(path, sizeof path, "he-aac.m4a");
  CHECK_OK(ltx_client_upload(client, path, NULL, &op, &err), err);
  refused(op, LTX_INVALID_REQUEST, "HE-AAC");
  CHECK_INT(emulator_count(&service, "*", "*"), 0);

  /* What is only not listed is sent, and the job says what is odd about it. */
  ltx_request *request = with_file("retake", "video_uri", "hevc.mp4");
  CHECK_OK(ltx_request_set_double(request, "start_time", 0.5, &err), err);
  CHECK_OK(ltx_request_set_int(request, "duration", 2, &err), err);
  CHECK_OK(ltx_request_set_json(request, "a_field_of_tomorrow", "[1]", &err), err);
  ltx_job *job = job_of(started(client, request));
  CHECK_INT(ltx_job_warning_count(job), 2);
  const char *first = ltx_job_warning(job, 0);
  CHECK(strstr(first, "a_field_of_tomorrow") != NULL && strstr(ltx_job_warning(job, 1), "12 frames") != NULL);
  CHECK(ltx_job_warning(job, 2) == NULL && ltx_job_warning(job, 0) == first);
  ltx_job_release(job);
  ltx_client_release(client);
  emulator_stop(&service);
}

static void an_estimate_costs_nothing_and_a_limit_refuses_before_anything_is_sent(void) {
  emulator service;
  emulator_start(&service, "{}");
  ltx_client *client = emulator_client(&service);
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  ltx_estimate *estimate = NULL, *again = NULL;
  ltx_request *request = with_file("video-to-video-hdr", "video_uri", "hevc.mp4");
  CHECK_OK(ltx_client_estimate(client, request, NULL, &op, &err), err);
  CHECK(ltx_op_ref_string(op) == NULL);
  CHECK_OK(ltx_op_wait(op, 20000, &err), err);
  CHECK_OK(ltx_op_take_estimate(op, &estimate, &err), err);
  CHECK_STATUS(ltx_op_take_estimate(op, &again, NULL), LTX_INVALID_STATE, NULL);
  ltx_op_release(op);
  CHECK_TEXT(ltx_estimate_usd(estimate), "0.10");
  CHECK(again == NULL && strstr(ltx_estimate_basis(estimate), "0.5 s of video_uri") != NULL);
  ltx_estimate_free(estimate);

  ltx_request *elsewhere = NULL;
  CHECK_OK(ltx_request_new("video-to-video-hdr", &elsewhere, &err), err);
  CHECK_OK(ltx_request_set_media_url(elsewhere, "video_uri", "https://cdn.example/plate.mp4", &err), err);
  CHECK_OK(ltx_client_estimate(client, elsewhere, NULL, &op, &err), err);
  refused(op, LTX_UNSUPPORTED, "video_uri is no local file");
  CHECK_OK(ltx_request_set_max_cost(elsewhere, "100", &err), err);
  refused(started(client, elsewhere), LTX_COST_LIMIT, "video_uri is no local file");

  CHECK_OK(ltx_request_set_max_cost(request, "0.09", &err), err);
  CHECK_OK(ltx_client_submit(client, request, NULL, &op, &err), err);
  refused(op, LTX_COST_LIMIT, "max_cost = 0.09");
  CHECK_INT(emulator_count(&service, "*", "*"), 0);
  CHECK_OK(ltx_request_set_max_cost(request, "0.1", &err), err);
  ltx_job_release(job_of(started(client, request)));
  CHECK_INT(emulator_count(&service, "POST", "/v2/video-to-video-hdr"), 1);
  ltx_client_release(client);
  emulator_stop(&service);
}

static void a_client_spends_no_more_than_it_may(void) {
  emulator service;
  emulator_start(&service, "{}");
  ltx_client *client = client_with(&service, "spend_limit", "1.60");
  ltx_error *err = NULL;
  char usd[LTX_USD_SIZE];
  ltx_job *first = job_of(started(client, shot())), *second = job_of(started(client, shot()));
  CHECK_OK(ltx_client_committed(client, usd, sizeof usd, &err), err);
  CHECK_TEXT(usd, "1.56");
  refused(started(client, shot()), LTX_COST_LIMIT, "USD 1.56 committed");
  ended(first);
  ended(second);
  refused(started(client, shot()), LTX_COST_LIMIT, "spend_limit = 1.60");
  CHECK_INT(emulator_count(&service, "POST", submits), 2);
  /* What it has done is counted, and can be read at any time, by a program of an older header too. */
  ltx_counters counters;
  counters.size = sizeof counters;
  CHECK_OK(ltx_client_counters(client, &counters, &err), err);
  CHECK_INT(counters.submits, 4);
  CHECK_INT(counters.submits_refused, 2);
  CHECK_INT(counters.posts, emulator_count(&service, "POST", submits));
  CHECK_INT(counters.jobs_created, 2);
  CHECK_INT(counters.jobs_completed, 2);
  CHECK_INT(counters.polls, emulator_count(&service, "GET", "*"));
  CHECK_TEXT(counters.committed, "1.56");
  CHECK_OK(ltx_client_close(client, 0, &err), err);
  counters.jobs_created = 0;
  CHECK_OK(ltx_client_counters(client, &counters, &err), err);
  CHECK_INT(counters.jobs_created, 2);
  ltx_client_release(client);
  emulator_stop(&service);
}

typedef struct {
  ltx_op *op;
  ltx_op_info seen;
} watch;

static int32_t is_queued(void *data) {
  watch *w = data;
  CHECK_OK(ltx_op_snapshot(w->op, &w->seen, NULL), NULL);
  return w->seen.phase == LTX_PHASE_QUEUED;
}

static void a_submit_that_waits_for_a_place_says_so(void) {
  emulator service;
  /* The first job runs until the second has come. */
  emulator_start(&service, "{\"api\":{\"max_running_jobs\":1},\"fault\":[{\"route\":\"poll\",\"do\":\"status_word\",\"word\":\"processing\",\"times\":40}]}");
  ltx_client *client = client_with(&service, "max_concurrent_jobs", "1");
  ltx_error *err = NULL;
  ltx_job *first = job_of(started(client, shot()));
  watch w;
  w.op = started(client, shot());
  w.seen.size = sizeof w.seen;
  CHECK_STATUS(ltx_op_wait_until(w.op, 20000, 1, is_queued, &w, &err), LTX_STOPPED, err);
  CHECK_INT(w.seen.outcome, LTX_PENDING);
  CHECK_INT(emulator_count(&service, "POST", submits), 1);

  /* Whoever gives up its turn has no job, and whoever comes after it still gets the place. */
  ltx_op *third = started(client, shot());
  CHECK_OK(ltx_op_cancel(w.op, &err), err);
  refused(w.op, LTX_CANCELLED, "");
  ended(first);
  ended(job_of(third));
  CHECK_INT(emulator_count(&service, "POST", submits), 2);
  ltx_client_release(client);
  emulator_stop(&service);
}

static void a_renamed_endpoint_is_reached_by_its_path(void) {
  emulator service;
  emulator_start(&service, "{\"api\":{\"further_endpoints\":[\"hdr-2\"]}}");
  ltx_client *client = emulator_client(&service);
  ltx_error *err = NULL;
  ltx_request *request = emulator_request();
  CHECK_OK(ltx_request_set_path(request, "/v1/upload", &err), err);
  ltx_op *op = NULL;
  CHECK_OK(ltx_client_submit(client, request, NULL, &op, &err), err);
  refused(op, LTX_INVALID_REQUEST, "/v2/video-to-video-hdr");
  CHECK_OK(ltx_request_set_path(request, "/v2/hdr-2", &err), err);
  CHECK_OK(ltx_client_submit(client, request, NULL, &op, &err), err);
  ltx_job *job = job_of(op);
  CHECK_TEXT(ltx_job_endpoint(job), "hdr-2");
  ended(job);
  CHECK_OK(ltx_request_set_path(request, NULL, &err), err);
  ltx_job_release(job_of(started(client, request)));
  CHECK_INT(emulator_count(&service, "POST", "/v2/hdr-2"), 1);
  CHECK_INT(emulator_count(&service, "POST", "/v2/video-to-video-hdr"), 1);
  ltx_client_release(client);
  emulator_stop(&service);
}

int main(void) {
  what_the_service_refuses_never_leaves_this_machine();
  an_estimate_costs_nothing_and_a_limit_refuses_before_anything_is_sent();
  a_client_spends_no_more_than_it_may();
  a_submit_that_waits_for_a_place_says_so();
  a_renamed_endpoint_is_reached_by_its_path();
  return 0;
}
