/*
 * The C performer: plays scenarios as a C program would write them. One JSON line in for each scenario, one out, until standard input ends.
 *
 * On the way it logs everything and tells everything, for the conductor to look for secrets in.
 */
#define _XOPEN_SOURCE 700
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "json.h"
#include "ltx_jobs.h"
#include "told.h"

typedef struct {
  const json *order;
  ltx_client *client;
  ltx_job *job;
  /* Submits that were not waited for yet, in the order they began. */
  ltx_op *started[16];
  size_t started_count;
  ltx_result *result;
  ltx_frames *frames;
  char **saved;
  size_t saved_count;
  /* What a step that succeeded gave, beside what it did: members of a JSON object, each with a comma before it. */
  char *gave;
  size_t gave_size;
  FILE *told;
} play;

/* An error of this program, in the shape of the library's. */
static ltx_status no_state(ltx_error **err) {
  *err = NULL;
  return LTX_INVALID_STATE;
}

static ltx_status begin(play *p, ltx_error **err) {
  ltx_config *config = ltx_config_new();
  ltx_status status = ltx_config_set(config, "api_key", json_text(json_member(p->order, "api_key"), NULL), err);
  if (status == LTX_OK) {
    status = ltx_config_set(config, "base_url", json_text(json_member(p->order, "base_url"), NULL), err);
  }
  const json *settings = json_member(p->order, "settings");
  for (const json *each = settings == NULL ? NULL : settings->child; each != NULL && status == LTX_OK; each = each->next) {
    status = ltx_config_set(config, each->key, json_text(each, each->source), err);
  }
  if (status == LTX_OK) {
    status = ltx_client_new(config, &p->client, err);
  }
  ltx_config_free(config);
  return status;
}

/* By the setter of the value's own type. */
static ltx_status set_typed(ltx_request *request, const json *field, ltx_error **err) {
  switch (field->kind) {
  case JSON_NULL:
    return ltx_request_set_null(request, field->key, err);
  case JSON_BOOL:
    return ltx_request_set_bool(request, field->key, field->truth, err);
  case JSON_NUMBER:
    if (strpbrk(field->source, ".eE") == NULL) {
      return ltx_request_set_int(request, field->key, json_integer(field, 0), err);
    }
    return ltx_request_set_double(request, field->key, field->number, err);
  case JSON_STRING:
    return ltx_request_set_string(request, field->key, field->string, err);
  default:
    return ltx_request_set_json(request, field->key, field->source, err);
  }
}

static ltx_status fill(const json *order, const json *step, ltx_request *request, ltx_error **err) {
  ltx_status status = LTX_OK;
  const json *own = json_member(step, "params"), *typed = json_member(order, "typed"), *media = json_member(order, "media");
  const json *params = json_is_null(own) ? json_member(order, "params") : own;
  const bool by_type = typed != NULL && typed->truth;
  for (const json *each = params == NULL ? NULL : params->child; each != NULL && status == LTX_OK; each = each->next) {
    status = by_type ? set_typed(request, each, err) : ltx_request_set_json(request, each->key, each->source, err);
  }
  for (const json *each = media == NULL ? NULL : media->child; each != NULL && status == LTX_OK; each = each->next) {
    status = ltx_request_set_media_file(request, each->key, json_text(each, NULL), err);
  }
  if (status == LTX_OK) {
    status = ltx_request_set_once(request, json_text(json_member(order, "once"), NULL), err);
  }
  if (status == LTX_OK) {
    status = ltx_request_set_max_cost(request, json_text(json_member(order, "max_cost"), NULL), err);
  }
  if (status == LTX_OK && !json_is_null(json_member(order, "submit_timeout_ms"))) {
    status = ltx_request_set_timeout_ms(request, json_integer(json_member(order, "submit_timeout_ms"), -1), err);
  }
  if (status == LTX_OK && strcmp(json_text(json_member(order, "on_unknown"), "stop"), "accept_double_charge") == 0) {
    status = ltx_request_set_on_unknown(request, LTX_ON_UNKNOWN_ACCEPT_DOUBLE_CHARGE, err);
  }
  return status;
}

static ltx_status make_request(play *p, const json *step, ltx_request **request, ltx_error **err) {
  const ltx_status status = ltx_request_new(json_text(json_member(p->order, "endpoint"), NULL), request, err);
  return status == LTX_OK ? fill(p->order, step, *request, err) : status;
}

static ltx_status start_submit(play *p, const json *step, ltx_op **op, ltx_error **err) {
  ltx_request *request = NULL;
  ltx_status status = make_request(p, step, &request, err);
  if (status == LTX_OK) {
    status = ltx_client_submit(p->client, request, NULL, op, err);
  }
  ltx_request_free(request);
  return status;
}

/* Waits for a submit, whose job becomes the scenario's. */
static ltx_status finish_submit(play *p, ltx_status started, ltx_op *op, ltx_error **err) {
  ltx_job *job = NULL;
  ltx_status status = started == LTX_OK ? ltx_op_wait(op, -1, err) : started;
  if (status == LTX_OK) {
    status = ltx_op_take_job(op, &job, err);
  }
  tell_op(p->told, op);
  ltx_op_release(op);
  if (status == LTX_OK) {
    ltx_job_release(p->job);
    p->job = job;
  }
  return status;
}

static ltx_status submit(play *p, const json *step, ltx_error **err) {
  ltx_op *op = NULL;
  const ltx_status started = start_submit(p, step, &op, err);
  return finish_submit(p, started, op, err);
}

static ltx_status start(play *p, const json *step, ltx_error **err) {
  if (p->started_count == sizeof p->started / sizeof *p->started) {
    return no_state(err);
  }
  const ltx_status status = start_submit(p, step, &p->started[p->started_count], err);
  p->started_count += status == LTX_OK;
  return status;
}

/* Looks until the submit started last waits for a place. */
static ltx_status queued(play *p, const json *step, ltx_error **err) {
  (void)step;
  const struct timespec moment = {0, 1000000};
  ltx_op_info info;
  info.size = sizeof info;
  if (p->started_count == 0) {
    return no_state(err);
  }
  for (;;) {
    const ltx_status status = ltx_op_snapshot(p->started[p->started_count - 1], &info, err);
    if (status != LTX_OK || info.phase == LTX_PHASE_QUEUED) {
      return status;
    }
    if (info.outcome != LTX_PENDING) {
      return no_state(err);
    }
    nanosleep(&moment, NULL);
  }
}

static ltx_status finish_started(play *p, const json *step, ltx_error **err) {
  (void)step;
  if (p->started_count == 0) {
    return no_state(err);
  }
  ltx_op *op = p->started[0];
  --p->started_count;
  memmove(p->started, p->started + 1, p->started_count * sizeof *p->started);
  return finish_submit(p, LTX_OK, op, err);
}

static ltx_status estimate(play *p, const json *step, ltx_error **err) {
  ltx_request *request = NULL;
  ltx_op *op = NULL;
  ltx_estimate *made = NULL;
  ltx_status status = make_request(p, step, &request, err);
  if (status == LTX_OK) {
    status = ltx_client_estimate(p->client, request, NULL, &op, err);
  }
  ltx_request_free(request);
  if (status == LTX_OK) {
    status = ltx_op_wait(op, -1, err);
  }
  if (status == LTX_OK) {
    status = ltx_op_take_estimate(op, &made, err);
  }
  ltx_op_release(op);
  FILE *gave = status == LTX_OK ? open_memstream(&p->gave, &p->gave_size) : NULL;
  if (gave != NULL) {
    tell_text(p->told, "estimate", ltx_estimate_basis(made));
    fputs(",\"usd\":", gave);
    json_write_text(gave, ltx_estimate_usd(made));
    fputs(",\"basis\":", gave);
    json_write_text(gave, ltx_estimate_basis(made));
    fclose(gave);
  }
  ltx_estimate_free(made);
  return status;
}

static ltx_status warnings(play *p, const json *step, ltx_error **err) {
  (void)step;
  if (p->job == NULL) {
    return no_state(err);
  }
  FILE *gave = open_memstream(&p->gave, &p->gave_size);
  if (gave != NULL) {
    fputs(",\"warnings\":[", gave);
    for (size_t i = 0; i < ltx_job_warning_count(p->job); ++i) {
      if (i > 0) {
        fputc(',', gave);
      }
      json_write_text(gave, ltx_job_warning(p->job, i));
    }
    fputc(']', gave);
    fclose(gave);
  }
  return LTX_OK;
}

static ltx_status wait_for(play *p, const json *step, ltx_error **err) {
  if (p->job == NULL) {
    return no_state(err);
  }
  ltx_op *op = NULL;
  ltx_result *result = NULL;
  ltx_status status = ltx_job_wait_for(p->job, json_integer(json_member(step, "timeout_ms"), -1), NULL, &op, err);
  if (status == LTX_OK) {
    status = ltx_op_wait(op, -1, err);
  }
  if (status == LTX_OK) {
    status = ltx_op_take_result(op, &result, err);
  }
  tell_op(p->told, op);
  tell_result(p->told, result);
  ltx_op_release(op);
  if (status == LTX_OK) {
    ltx_result_free(p->result);
    p->result = result;
  }
  return status;
}

/* For operations that leave nothing to take. */
static ltx_status finish(ltx_status started, ltx_op *op, ltx_error **err) {
  const ltx_status status = started == LTX_OK ? ltx_op_wait(op, -1, err) : started;
  ltx_op_release(op);
  return status;
}

static ltx_status poll_once(play *p, const json *step, ltx_error **err) {
  (void)step;
  if (p->job == NULL) {
    return no_state(err);
  }
  ltx_op *op = NULL;
  const ltx_status started = ltx_job_poll(p->job, NULL, &op, err);
  return finish(started, op, err);
}

static ltx_status attach(play *p, const json *step, ltx_error **err) {
  (void)step;
  if (p->job == NULL) {
    return no_state(err);
  }
  char *reference = strdup(ltx_job_ref_string(p->job));
  ltx_job_release(p->job);
  p->job = NULL;
  ltx_result_free(p->result);
  p->result = NULL;
  const ltx_status status = ltx_client_job(p->client, reference, &p->job, err);
  free(reference);
  return status;
}

static ltx_status set_api_key(play *p, const json *step, ltx_error **err) {
  return ltx_client_set_api_key(p->client, json_text(json_member(step, "key"), NULL), err);
}

static ltx_status check(play *p, const json *step, ltx_error **err) {
  (void)step;
  ltx_op *op = NULL;
  ltx_checked *checked = NULL;
  ltx_status status = ltx_client_check(p->client, NULL, &op, err);
  if (status == LTX_OK) {
    status = ltx_op_wait(op, -1, err);
  }
  /* Also of a check that found something wrong. */
  ltx_op_take_checked(op, &checked, NULL);
  tell_checked(p->told, checked);
  ltx_checked_free(checked);
  ltx_op_release(op);
  return status;
}

static ltx_status upload_one(play *p, const char *path, ltx_error **err) {
  ltx_op *op = NULL;
  const char *uri = NULL;
  ltx_status status = ltx_client_upload(p->client, path, NULL, &op, err);
  if (status == LTX_OK) {
    status = ltx_op_wait(op, -1, err);
  }
  if (status == LTX_OK) {
    status = ltx_op_take_uri(op, &uri, err);
  }
  tell_text(p->told, "uri", uri);
  ltx_op_release(op);
  return status;
}

static ltx_status upload(play *p, const json *step, ltx_error **err) {
  (void)step;
  const json *media = json_member(p->order, "media");
  ltx_status status = LTX_OK;
  for (const json *each = media == NULL ? NULL : media->child; each != NULL && status == LTX_OK; each = each->next) {
    status = upload_one(p, json_text(each, NULL), err);
  }
  return status;
}

static void forget_saved(play *p) {
  for (size_t i = 0; i < p->saved_count; ++i) {
    free(p->saved[i]);
  }
  free(p->saved);
  p->saved = NULL;
  p->saved_count = 0;
}

/* Notes a file that is there, once. */
static void note_file(play *p, const char *path) {
  for (size_t i = 0; i < p->saved_count; ++i) {
    if (strcmp(p->saved[i], path) == 0) {
      return;
    }
  }
  char **more = realloc(p->saved, (p->saved_count + 1) * sizeof *more);
  if (more != NULL) {
    p->saved = more;
    p->saved[p->saved_count++] = strdup(path);
  }
}

static int by_text(const void *one, const void *other) { return strcmp(*(char *const *)one, *(char *const *)other); }

static void note_saved(play *p, const ltx_saved *saved, const char *dest) {
  const size_t prefix = strlen(dest);
  for (size_t i = 0; i < ltx_saved_count(saved); ++i) {
    const char *path = ltx_saved_path(saved, i);
    if (strncmp(path, dest, prefix) == 0) {
      path += prefix;
      path += *path == '/';
    }
    note_file(p, path);
  }
}

static ltx_status download(play *p, const json *step, ltx_error **err) {
  if (p->result == NULL) {
    return no_state(err);
  }
  const char *dest = json_text(json_member(p->order, "dest"), NULL);
  const json *overwrite = json_member(step, "overwrite"), *only = json_member(step, "only"), *first = json_member(step, "first_frame");
  const char *labels[32];
  ltx_download_options options = {0};
  options.size = sizeof options;
  options.overwrite = overwrite != NULL && overwrite->truth;
  options.frame_name = json_text(json_member(step, "frame_name"), NULL);
  options.has_first_frame = !json_is_null(first);
  options.first_frame = json_integer(first, 0);
  if (!json_is_null(only)) {
    options.only = labels;
    for (const json *each = only->child; each != NULL && options.only_count < sizeof labels / sizeof *labels; each = each->next) {
      labels[options.only_count++] = json_text(each, NULL);
    }
  }
  ltx_op *op = NULL;
  ltx_saved *saved = NULL;
  ltx_status status = ltx_result_download(p->result, dest, &options, NULL, &op, err);
  if (status == LTX_OK) {
    status = ltx_op_wait(op, -1, err);
  }
  if (status == LTX_OK) {
    status = ltx_op_take_saved(op, &saved, err);
  }
  if (status == LTX_OK) {
    forget_saved(p);
    note_saved(p, saved, dest);
  }
  tell_op(p->told, op);
  tell_saved(p->told, saved);
  ltx_saved_free(saved);
  ltx_op_release(op);
  return status;
}

static ltx_status open_frames(play *p, const json *step, ltx_error **err) {
  if (p->result == NULL) {
    return no_state(err);
  }
  ltx_frames_options options = {0};
  options.size = sizeof options;
  options.label = json_text(json_member(step, "label"), NULL);
  options.spool = json_text(json_member(step, "spool"), NULL);
  ltx_op *op = NULL;
  ltx_frames *frames = NULL;
  ltx_status status = ltx_result_frames(p->result, &options, NULL, &op, err);
  if (status == LTX_OK) {
    status = ltx_op_wait(op, -1, err);
  }
  if (status == LTX_OK) {
    status = ltx_op_take_frames(op, &frames, err);
  }
  tell_op(p->told, op);
  ltx_op_release(op);
  FILE *gave = status == LTX_OK ? open_memstream(&p->gave, &p->gave_size) : NULL;
  if (gave != NULL) {
    tell_frames(p->told, frames);
    fputs(",\"frames\":[", gave);
    for (size_t i = 0; i < ltx_frames_count(frames); ++i) {
      fputs(i > 0 ? "," : "", gave);
      json_write_text(gave, ltx_frames_name(frames, i));
    }
    fputc(']', gave);
    fclose(gave);
    ltx_frames_free(p->frames);
    p->frames = frames;
  }
  return status;
}

/* A frame that came into memory becomes a file, which the conductor looks at. */
static void keep(play *p, size_t index, const ltx_buffer *buffer) {
  const char *name = ltx_frames_name(p->frames, index), *dest = json_text(json_member(p->order, "dest"), "");
  char path[4096];
  mkdir(dest, 0777);
  snprintf(path, sizeof path, "%s/%s", dest, name);
  FILE *file = fopen(path, "wb");
  if (file == NULL || fwrite(ltx_buffer_data(buffer), 1, ltx_buffer_size(buffer), file) != ltx_buffer_size(buffer) || fclose(file) != 0) {
    perror(path);
    exit(1);
  }
  note_file(p, name);
}

static ltx_status read_frame(play *p, const json *step, ltx_error **err) {
  const json *number = json_member(step, "number");
  const int64_t index = json_is_null(number) ? json_integer(json_member(step, "index"), -1) : ltx_frames_find_number(p->frames, json_integer(number, -1));
  if (p->frames == NULL || index < 0) {
    return no_state(err);
  }
  ltx_op *op = NULL;
  ltx_buffer *buffer = NULL;
  ltx_status status = ltx_frames_read(p->frames, (size_t)index, NULL, &op, err);
  if (status == LTX_OK) {
    status = ltx_op_wait(op, -1, err);
  }
  if (status == LTX_OK) {
    status = ltx_op_take_buffer(op, &buffer, err);
  }
  tell_op(p->told, op);
  ltx_op_release(op);
  FILE *gave = status == LTX_OK ? open_memstream(&p->gave, &p->gave_size) : NULL;
  if (gave != NULL) {
    keep(p, (size_t)index, buffer);
    fputs(",\"frames\":[", gave);
    json_write_text(gave, ltx_frames_name(p->frames, (size_t)index));
    fputc(']', gave);
    fclose(gave);
  }
  ltx_buffer_free(buffer);
  return status;
}

static ltx_status extract(play *p, const json *step, ltx_error **err) {
  if (p->frames == NULL) {
    return no_state(err);
  }
  const char *dest = json_text(json_member(p->order, "dest"), NULL);
  const json *overwrite = json_member(step, "overwrite"), *first = json_member(step, "first_frame");
  ltx_extract_options options = {0};
  options.size = sizeof options;
  options.from = (size_t)json_integer(json_member(step, "from"), 0);
  options.count = (size_t)json_integer(json_member(step, "count"), 0);
  options.overwrite = overwrite != NULL && overwrite->truth;
  options.frame_name = json_text(json_member(step, "frame_name"), NULL);
  options.has_first_frame = !json_is_null(first);
  options.first_frame = json_integer(first, 0);
  ltx_op *op = NULL;
  ltx_saved *saved = NULL;
  ltx_status status = ltx_frames_extract(p->frames, dest, &options, NULL, &op, err);
  if (status == LTX_OK) {
    status = ltx_op_wait(op, -1, err);
  }
  if (status == LTX_OK) {
    status = ltx_op_take_saved(op, &saved, err);
  }
  note_saved(p, saved, dest);
  tell_op(p->told, op);
  tell_saved(p->told, saved);
  ltx_saved_free(saved);
  ltx_op_release(op);
  return status;
}

static ltx_status stream(play *p, const json *step, ltx_error **err) {
  if (p->frames == NULL) {
    return no_state(err);
  }
  ltx_stream_options options = {0};
  options.size = sizeof options;
  options.from = (size_t)json_integer(json_member(step, "from"), 0);
  options.count = (size_t)json_integer(json_member(step, "count"), 0);
  options.budget = (uint64_t)json_integer(json_member(step, "budget"), 0);
  ltx_frame_stream *flowing = NULL;
  ltx_status status = ltx_frames_stream(p->frames, &options, &flowing, err);
  FILE *gave = open_memstream(&p->gave, &p->gave_size);
  if (gave == NULL) {
    abort();
  }
  fputs(",\"frames\":[", gave);
  for (size_t taken = 0; status == LTX_OK; ++taken) {
    size_t index = 0;
    ltx_buffer *buffer = NULL;
    status = ltx_frame_stream_next(flowing, -1, &index, &buffer, err);
    if (status == LTX_OK) {
      keep(p, index, buffer);
      fputs(taken > 0 ? "," : "", gave);
      json_write_text(gave, ltx_frames_name(p->frames, index));
    }
    ltx_buffer_free(buffer);
  }
  fputc(']', gave);
  fclose(gave);
  ltx_frame_stream_release(flowing);
  if (status != LTX_END) {
    free(p->gave);
    p->gave = NULL;
    return status;
  }
  return LTX_OK;
}

static const struct {
  const char *name;
  ltx_status (*perform)(play *, const json *, ltx_error **);
} steps[] = {
    {"submit", submit},     {"wait", wait_for},     {"poll", poll_once}, {"attach", attach}, {"set_api_key", set_api_key}, {"download", download}, {"check", check},
    {"upload", upload},     {"estimate", estimate}, {"start", start},    {"queued", queued}, {"finish", finish_started},   {"warnings", warnings},
    {"frames", open_frames}, {"read", read_frame},  {"extract", extract}, {"stream", stream},
};

static ltx_status perform(play *p, const json *step, ltx_error **err) {
  const char *name = json_text(json_member(step, "do"), "");
  for (size_t i = 0; i < sizeof steps / sizeof *steps; ++i) {
    if (strcmp(steps[i].name, name) == 0) {
      return steps[i].perform(p, step, err);
    }
  }
  return no_state(err);
}

static void report(const char *name, ltx_status status, ltx_error *err, const char *gave) {
  printf("{\"do\":");
  json_write_text(stdout, name);
  printf(",\"ok\":%s", status == LTX_OK ? "true" : "false");
  if (gave != NULL) {
    fputs(gave, stdout);
  }
  if (status != LTX_OK) {
    printf(",\"error\":{\"kind\":\"%s\",\"number\":%d,\"billing\":\"%s\",\"retryable\":%s,\"job_ended\":%s,\"http_status\":", ltx_status_name(status), (int)status,
           ltx_billing_name(ltx_error_billing(err)), ltx_error_is_retryable(err) ? "true" : "false", ltx_error_job_ended(err) ? "true" : "false");
    if (ltx_error_http_status(err) != 0) {
      printf("%d", (int)ltx_error_http_status(err));
    } else {
      printf("null");
    }
    printf(",\"api_type\":");
    json_write_text(stdout, ltx_error_api_type(err));
    putchar('}');
    fprintf(stderr, "%s: %s\n", name, ltx_error_message(err));
  }
  putchar('}');
}

/* The library's log at its finest level, into a file that goes with the listener. */
static void write_line(void *user_data, const ltx_log_record *record) {
  static const char *const levels[] = {"OFF", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"};
  fprintf(user_data, "%s %s %s: %s %s\n", levels[record->level], record->spans, record->target, record->message, record->fields);
}

static void close_file(void *user_data) { fclose(user_data); }

static FILE *opened(const json *order, const char *name) {
  FILE *file = fopen(json_text(json_member(order, name), ""), "wb");
  if (file == NULL) {
    perror(name);
    exit(1);
  }
  return file;
}

/* What the client counted, as JSON. */
static char *counted(const ltx_client *client) {
  ltx_counters counters;
  counters.size = sizeof counters;
  if (ltx_client_counters(client, &counters, NULL) != LTX_OK) {
    return NULL;
  }
  const struct {
    const char *name;
    uint64_t value;
  } numbers[] = {
      {"submits", counters.submits},
      {"submits_known", counters.submits_known},
      {"submits_refused", counters.submits_refused},
      {"submits_unknown", counters.submits_unknown},
      {"posts", counters.posts},
      {"jobs_created", counters.jobs_created},
      {"jobs_completed", counters.jobs_completed},
      {"jobs_failed", counters.jobs_failed},
      {"polls", counters.polls},
      {"http_requests", counters.http_requests},
      {"submit_retries", counters.submit_retries},
      {"api_retries", counters.api_retries},
      {"storage_retries", counters.storage_retries},
      {"transfers_resumed", counters.transfers_resumed},
      {"transfers_restarted", counters.transfers_restarted},
      {"bytes_downloaded", counters.bytes_downloaded},
      {"bytes_uploaded", counters.bytes_uploaded},
      {"bytes_rehosted", counters.bytes_rehosted},
  };
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; ++i) {
    fprintf(out, "%s\"%s\":%" PRIu64, i == 0 ? "{" : ",", numbers[i].name, numbers[i].value);
  }
  fputc('}', out);
  fclose(out);
  return text;
}

/* Gives what was counted; the caller frees it. */
static char *end(play *p) {
  if (p->client != NULL) {
    tell_client(p->told, p->client);
  }
  ltx_frames_free(p->frames);
  ltx_result_free(p->result);
  ltx_job_release(p->job);
  for (size_t i = 0; i < p->started_count; ++i) {
    ltx_op_release(p->started[i]);
  }
  char *counters = NULL;
  if (p->client != NULL) {
    ltx_client_close(p->client, 5000, NULL);
    counters = counted(p->client);
  }
  ltx_client_release(p->client);
  fclose(p->told);
  /* From here on the log is whole in its file. */
  ltx_log_set(LTX_LOG_OFF, NULL, NULL, NULL, NULL);
  return counters;
}

static void play_scenario(const json *order) {
  play p = {0};
  p.order = order;
  p.told = opened(order, "told");
  ltx_log_set(LTX_LOG_TRACE, write_line, opened(order, "log"), close_file, NULL);
  ltx_error *err = NULL;
  printf("{\"scenario\":");
  json_write_text(stdout, json_text(json_member(order, "scenario"), ""));
  printf(",\"steps\":[");
  ltx_status status = begin(&p, &err);
  if (status != LTX_OK) {
    report("submit", status, err, NULL);
    tell_error(p.told, err);
    ltx_error_free(err);
  }
  const json *list = json_member(order, "steps");
  for (const json *step = list == NULL || status != LTX_OK ? NULL : list->child; step != NULL; step = step->next) {
    const json *go_on = json_member(step, "go_on");
    const ltx_status done = perform(&p, step, &err);
    if (step != list->child) {
      putchar(',');
    }
    report(json_text(json_member(step, "do"), ""), done, err, p.gave);
    free(p.gave);
    p.gave = NULL;
    tell_error(p.told, err);
    tell_job(p.told, p.job);
    ltx_error_free(err);
    err = NULL;
    if (done != LTX_OK && (go_on == NULL || !go_on->truth)) {
      break;
    }
  }
  char *counters = end(&p);
  if (p.saved != NULL) {
    qsort(p.saved, p.saved_count, sizeof *p.saved, by_text);
  }
  printf("],\"saved\":[");
  for (size_t i = 0; i < p.saved_count; ++i) {
    if (i > 0) {
      putchar(',');
    }
    json_write_text(stdout, p.saved[i]);
  }
  printf("],\"counters\":%s}\n", counters == NULL ? "null" : counters);
  fflush(stdout);
  free(counters);
  forget_saved(&p);
}

int main(void) {
  char *line = NULL;
  size_t room = 0;
  while (getline(&line, &room, stdin) > 0) {
    json *order = json_parse(line);
    if (order == NULL) {
      fprintf(stderr, "this is no scenario: %s\n", line);
      free(line);
      return 1;
    }
    play_scenario(order);
    json_free(order);
  }
  free(line);
  return 0;
}
