/*
 * Every export is handed NULL, a handle of another type, and what is no handle at all; and every one that can be is made to panic inside.
 *
 *   arguments SYMBOLS [panics]
 *
 * SYMBOLS is a file with the names the library exports, one a line: an export that is missing in the table below fails the test. With `panics` the library must
 * be one that was built with the feature `test-panics`.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>

#include "check.h"

/* What stands where a handle belongs, and what a function that gives a status answers. */
static void *given;
static ltx_status answer = LTX_INVALID_ARGUMENT;

#define STATUS(name, ...)                                                                                                                  \
  static void name##_wrong(void) { CHECK_STATUS(name(__VA_ARGS__), answer, NULL); }
#define NOTHING(name)                                                                                                                      \
  static void name##_wrong(void) { CHECK(name(given) == NULL); }
#define DONE(name)                                                                                                                         \
  static void name##_wrong(void) { name(given); }
#define NUMBER(name, wanted)                                                                                                               \
  static void name##_wrong(void) { CHECK_INT(name(given), wanted); }

/* An out-parameter that must be emptied on failure. */
static void *filled = &filled;
#define OUT(type) ((type **)(void *)(filled = &filled, &filled))

STATUS(ltx_client_check, given, NULL, OUT(ltx_op), NULL)
STATUS(ltx_client_close, given, 0, NULL)
STATUS(ltx_client_committed, given, NULL, 0, NULL)
STATUS(ltx_client_counters, given, NULL, NULL)
STATUS(ltx_client_dispatch, given, 0, 0, NULL, NULL)
STATUS(ltx_client_estimate, given, NULL, NULL, OUT(ltx_op), NULL)
STATUS(ltx_client_event_handle, given, NULL, NULL)
STATUS(ltx_client_job, given, NULL, OUT(ltx_job), NULL)
STATUS(ltx_client_jobs, given, NULL, OUT(ltx_op), NULL)
STATUS(ltx_client_new, NULL, NULL, NULL)
STATUS(ltx_client_recover, given, NULL, OUT(ltx_op), NULL)
STATUS(ltx_client_resolve, given, NULL, NULL, NULL, OUT(ltx_op), NULL)
STATUS(ltx_client_set_api_key, given, NULL, NULL)
STATUS(ltx_client_submit, given, NULL, NULL, OUT(ltx_op), NULL)
STATUS(ltx_client_upload, given, NULL, NULL, OUT(ltx_op), NULL)
STATUS(ltx_config_set, given, NULL, NULL, NULL)
STATUS(ltx_frame_stream_cancel, given, NULL)
STATUS(ltx_frame_stream_next, given, -1, NULL, OUT(ltx_buffer), NULL)
STATUS(ltx_frame_stream_snapshot, given, NULL, NULL)
STATUS(ltx_frames_extract, given, NULL, NULL, NULL, OUT(ltx_op), NULL)
STATUS(ltx_frames_read, given, 0, NULL, OUT(ltx_op), NULL)
STATUS(ltx_frames_stream, given, NULL, OUT(ltx_frame_stream), NULL)
STATUS(ltx_op_take_buffer, given, OUT(ltx_buffer), NULL)
STATUS(ltx_op_take_frames, given, OUT(ltx_frames), NULL)
STATUS(ltx_result_frames, given, NULL, NULL, OUT(ltx_op), NULL)
STATUS(ltx_job_poll, given, NULL, OUT(ltx_op), NULL)
STATUS(ltx_job_snapshot, given, NULL, NULL)
STATUS(ltx_job_wait, given, NULL, OUT(ltx_op), NULL)
STATUS(ltx_job_wait_for, given, 0, NULL, OUT(ltx_op), NULL)
STATUS(ltx_log_set, 6, NULL, NULL, NULL, NULL)
STATUS(ltx_op_cancel, given, NULL)
STATUS(ltx_op_snapshot, given, NULL, NULL)
STATUS(ltx_op_take_estimate, given, OUT(ltx_estimate), NULL)
STATUS(ltx_op_take_checked, given, OUT(ltx_checked), NULL)
STATUS(ltx_op_take_job, given, OUT(ltx_job), NULL)
STATUS(ltx_op_take_recovered, given, OUT(ltx_recovered), NULL)
STATUS(ltx_op_take_result, given, OUT(ltx_result), NULL)
STATUS(ltx_op_take_saved, given, OUT(ltx_saved), NULL)
STATUS(ltx_op_take_submits, given, OUT(ltx_submits), NULL)
STATUS(ltx_op_take_uri, given, (const char **)(void *)OUT(void), NULL)
STATUS(ltx_op_wait, given, -1, NULL)
STATUS(ltx_op_wait_until, given, -1, 1, NULL, NULL, NULL)
STATUS(ltx_ops_wait_any, NULL, 1, -1, NULL, NULL)
STATUS(ltx_recovered_job, given, 0, OUT(ltx_job), NULL)
STATUS(ltx_request_new, NULL, OUT(ltx_request), NULL)
STATUS(ltx_request_set_bool, given, NULL, true, NULL)
STATUS(ltx_request_set_dest, given, NULL, NULL)
STATUS(ltx_request_set_double, given, NULL, 1.0, NULL)
STATUS(ltx_request_set_int, given, NULL, 1, NULL)
STATUS(ltx_request_set_json, given, NULL, NULL, NULL)
STATUS(ltx_request_set_label, given, NULL, NULL)
STATUS(ltx_request_set_max_cost, given, NULL, NULL)
STATUS(ltx_request_set_media_bytes, given, NULL, NULL, 1, NULL)
STATUS(ltx_request_set_media_file, given, NULL, NULL, NULL)
STATUS(ltx_request_set_media_url, given, NULL, NULL, NULL)
STATUS(ltx_request_set_null, given, NULL, NULL)
STATUS(ltx_request_set_on_unknown, given, 0, NULL)
STATUS(ltx_request_set_once, given, NULL, NULL)
STATUS(ltx_request_set_path, given, NULL, NULL)
STATUS(ltx_request_set_string, given, NULL, NULL, NULL)
STATUS(ltx_request_set_timeout_ms, given, 1, NULL)
STATUS(ltx_result_download, given, NULL, NULL, NULL, OUT(ltx_op), NULL)
NOTHING(ltx_checked_request_id)
NOTHING(ltx_buffer_data)
NOTHING(ltx_client_ref)
NOTHING(ltx_error_api_message)
NOTHING(ltx_error_api_type)
NOTHING(ltx_error_clone)
NOTHING(ltx_error_job_ref)
NOTHING(ltx_error_request_id)
NOTHING(ltx_estimate_basis)
NOTHING(ltx_estimate_usd)
NOTHING(ltx_frame_stream_ref)
NOTHING(ltx_frames_label)
NOTHING(ltx_job_endpoint)
NOTHING(ltx_job_id)
NOTHING(ltx_job_label)
NOTHING(ltx_job_ref)
NOTHING(ltx_job_ref_string)
NOTHING(ltx_op_ref)
NOTHING(ltx_op_ref_string)
NOTHING(ltx_recovered_other_key)
NOTHING(ltx_recovered_unknown)
DONE(ltx_buffer_free)
DONE(ltx_checked_free)
DONE(ltx_client_release)
DONE(ltx_config_free)
DONE(ltx_error_free)
DONE(ltx_estimate_free)
DONE(ltx_frame_stream_release)
DONE(ltx_frames_free)
DONE(ltx_job_release)
DONE(ltx_op_release)
DONE(ltx_recovered_free)
DONE(ltx_request_free)
DONE(ltx_result_free)
DONE(ltx_saved_free)
DONE(ltx_submits_free)
NUMBER(ltx_buffer_size, 0)
NUMBER(ltx_checked_count, 0)
NUMBER(ltx_checked_setting_count, 0)
NUMBER(ltx_error_billing, 0)
NUMBER(ltx_error_http_status, 0)
NUMBER(ltx_error_is_retryable, 0)
NUMBER(ltx_error_job_ended, 0)
NUMBER(ltx_error_retry_after_ms, -1)
NUMBER(ltx_error_status, LTX_OK)
NUMBER(ltx_frames_count, 0)
NUMBER(ltx_job_warning_count, 0)
NUMBER(ltx_recovered_job_count, 0)
NUMBER(ltx_result_completed_at, -1)
NUMBER(ltx_result_count, 0)
NUMBER(ltx_result_created_at, -1)
NUMBER(ltx_result_job_expires_at, -1)
NUMBER(ltx_result_outputs_expire_at, -1)
NUMBER(ltx_saved_bytes, 0)
NUMBER(ltx_saved_count, 0)
NUMBER(ltx_submits_count, 0)
static void ltx_checked_detail_wrong(void) { CHECK(ltx_checked_detail(given, 0) == NULL); }
static void ltx_checked_elapsed_ms_wrong(void) { CHECK_INT(ltx_checked_elapsed_ms(given, 0), -1); }
static void ltx_checked_setting_key_wrong(void) { CHECK(ltx_checked_setting_key(given, 0) == NULL); }
static void ltx_checked_setting_origin_wrong(void) { CHECK(ltx_checked_setting_origin(given, 0) == NULL); }
static void ltx_checked_setting_value_wrong(void) { CHECK(ltx_checked_setting_value(given, 0) == NULL); }
static void ltx_checked_state_wrong(void) { CHECK_INT(ltx_checked_state(given, 0), -1); }
static void ltx_checked_status_wrong(void) { CHECK_INT(ltx_checked_status(given, 0), LTX_OK); }
static void ltx_checked_text_wrong(void) { CHECK_TEXT(ltx_checked_text(given), ""); }
static void ltx_checked_what_wrong(void) { CHECK(ltx_checked_what(given, 0) == NULL); }
static void ltx_error_message_wrong(void) { CHECK_TEXT(ltx_error_message(given), ""); }
static void ltx_frames_find_number_wrong(void) { CHECK_INT(ltx_frames_find_number(given, 0), -1); }
static void ltx_frames_name_wrong(void) { CHECK(ltx_frames_name(given, 0) == NULL); }
static void ltx_frames_number_wrong(void) { CHECK_INT(ltx_frames_number(given, 0), -1); }
static void ltx_frames_size_wrong(void) { CHECK_INT(ltx_frames_size(given, 0), 0); }
static void ltx_op_frame_path_wrong(void) { CHECK(ltx_op_frame_path(given, 0) == NULL); }
static void ltx_job_warning_wrong(void) { CHECK(ltx_job_warning(given, 0) == NULL); }
static void ltx_result_label_wrong(void) { CHECK(ltx_result_label(given, 0) == NULL); }
static void ltx_result_url_wrong(void) { CHECK(ltx_result_url(given, 0) == NULL); }
static void ltx_saved_path_wrong(void) { CHECK(ltx_saved_path(given, 0) == NULL); }
static void ltx_submits_began_at_wrong(void) { CHECK_INT(ltx_submits_began_at(given, 0), -1); }
static void ltx_submits_dest_wrong(void) { CHECK(ltx_submits_dest(given, 0) == NULL); }
static void ltx_submits_doubts_wrong(void) { CHECK_INT(ltx_submits_doubts(given, 0), 0); }
static void ltx_submits_ended_wrong(void) { CHECK_INT(ltx_submits_ended(given, 0), LTX_STATE_UNKNOWN); }
static void ltx_submits_endpoint_wrong(void) { CHECK(ltx_submits_endpoint(given, 0) == NULL); }
static void ltx_submits_fate_wrong(void) { CHECK_INT(ltx_submits_fate(given, 0), -1); }
static void ltx_submits_intent_wrong(void) { CHECK(ltx_submits_intent(given, 0) == NULL); }
static void ltx_submits_is_other_key_wrong(void) { CHECK(!ltx_submits_is_other_key(given, 0)); }
static void ltx_submits_is_saved_wrong(void) { CHECK(!ltx_submits_is_saved(given, 0)); }
static void ltx_submits_job_wrong(void) { CHECK(ltx_submits_job(given, 0) == NULL); }
static void ltx_submits_label_wrong(void) { CHECK(ltx_submits_label(given, 0) == NULL); }
static void ltx_submits_once_wrong(void) { CHECK(ltx_submits_once(given, 0) == NULL); }
static void ltx_submits_request_id_wrong(void) { CHECK(ltx_submits_request_id(given, 0) == NULL); }
static void ltx_submits_usd_wrong(void) { CHECK(ltx_submits_usd(given, 0) == NULL); }
/* These take no handle. */
static void ltx_abi_version_wrong(void) { CHECK_INT(ltx_abi_version(), LTX_ABI_VERSION); }
static void ltx_version_wrong(void) { CHECK_TEXT(ltx_version(), answer == LTX_INTERNAL ? "" : LTX_VERSION); }
static void ltx_version_number_wrong(void) { CHECK_INT(ltx_version_number(), answer == LTX_INTERNAL ? 0 : LTX_VERSION_NUMBER); }
static void ltx_build_info_wrong(void) { CHECK((strstr(ltx_build_info(), LTX_VERSION) == NULL) == (answer == LTX_INTERNAL)); }
static void ltx_billing_name_wrong(void) {
  CHECK_TEXT(ltx_billing_name(LTX_BILLING_NO_JOB), "no_job");
  CHECK_TEXT(ltx_billing_name(LTX_BILLING_JOB_EXISTS), "job_exists");
  CHECK_TEXT(ltx_billing_name(LTX_BILLING_NOT_BILLED), "not_billed");
  CHECK_TEXT(ltx_billing_name(99), "unknown");
}
static void ltx_status_name_wrong(void) {
  CHECK_TEXT(ltx_status_name(LTX_OK), answer == LTX_INTERNAL ? "Unknown" : "Ok");
  CHECK_TEXT(ltx_status_name(LTX_WAIT_TIMEOUT), "WaitTimeout");
  CHECK_TEXT(ltx_status_name(LTX_END), "End");
  CHECK_TEXT(ltx_status_name(-7), "Unknown");
}
static void ltx_config_new_wrong(void) {
  ltx_config *made = ltx_config_new();
  CHECK((made == NULL) == (answer == LTX_INTERNAL));
  ltx_config_free(made);
}

#define ROW(name) {#name, name##_wrong}
static const struct {
  const char *name;
  void (*call)(void);
} table[] = {
    ROW(ltx_abi_version),
    ROW(ltx_billing_name),
    ROW(ltx_buffer_data),
    ROW(ltx_buffer_free),
    ROW(ltx_buffer_size),
    ROW(ltx_build_info),
    ROW(ltx_checked_count),
    ROW(ltx_checked_detail),
    ROW(ltx_checked_elapsed_ms),
    ROW(ltx_checked_free),
    ROW(ltx_checked_request_id),
    ROW(ltx_checked_setting_count),
    ROW(ltx_checked_setting_key),
    ROW(ltx_checked_setting_origin),
    ROW(ltx_checked_setting_value),
    ROW(ltx_checked_state),
    ROW(ltx_checked_status),
    ROW(ltx_checked_text),
    ROW(ltx_checked_what),
    ROW(ltx_client_check),
    ROW(ltx_client_close),
    ROW(ltx_client_committed),
    ROW(ltx_client_counters),
    ROW(ltx_client_dispatch),
    ROW(ltx_client_estimate),
    ROW(ltx_client_event_handle),
    ROW(ltx_client_job),
    ROW(ltx_client_jobs),
    ROW(ltx_client_new),
    ROW(ltx_client_recover),
    ROW(ltx_client_ref),
    ROW(ltx_client_release),
    ROW(ltx_client_resolve),
    ROW(ltx_client_set_api_key),
    ROW(ltx_client_submit),
    ROW(ltx_client_upload),
    ROW(ltx_config_free),
    ROW(ltx_config_new),
    ROW(ltx_config_set),
    ROW(ltx_error_api_message),
    ROW(ltx_error_api_type),
    ROW(ltx_error_billing),
    ROW(ltx_error_clone),
    ROW(ltx_error_free),
    ROW(ltx_error_http_status),
    ROW(ltx_error_is_retryable),
    ROW(ltx_error_job_ended),
    ROW(ltx_error_job_ref),
    ROW(ltx_error_message),
    ROW(ltx_error_request_id),
    ROW(ltx_error_retry_after_ms),
    ROW(ltx_error_status),
    ROW(ltx_estimate_basis),
    ROW(ltx_estimate_free),
    ROW(ltx_estimate_usd),
    ROW(ltx_frame_stream_cancel),
    ROW(ltx_frame_stream_next),
    ROW(ltx_frame_stream_ref),
    ROW(ltx_frame_stream_release),
    ROW(ltx_frame_stream_snapshot),
    ROW(ltx_frames_count),
    ROW(ltx_frames_extract),
    ROW(ltx_frames_find_number),
    ROW(ltx_frames_free),
    ROW(ltx_frames_label),
    ROW(ltx_frames_name),
    ROW(ltx_frames_number),
    ROW(ltx_frames_read),
    ROW(ltx_frames_size),
    ROW(ltx_frames_stream),
    ROW(ltx_job_endpoint),
    ROW(ltx_job_id),
    ROW(ltx_job_label),
    ROW(ltx_job_poll),
    ROW(ltx_job_ref),
    ROW(ltx_job_ref_string),
    ROW(ltx_job_release),
    ROW(ltx_job_snapshot),
    ROW(ltx_job_wait),
    ROW(ltx_job_wait_for),
    ROW(ltx_job_warning),
    ROW(ltx_job_warning_count),
    ROW(ltx_log_set),
    ROW(ltx_op_cancel),
    ROW(ltx_op_frame_path),
    ROW(ltx_op_ref),
    ROW(ltx_op_ref_string),
    ROW(ltx_op_release),
    ROW(ltx_op_snapshot),
    ROW(ltx_op_take_buffer),
    ROW(ltx_op_take_checked),
    ROW(ltx_op_take_estimate),
    ROW(ltx_op_take_frames),
    ROW(ltx_op_take_job),
    ROW(ltx_op_take_recovered),
    ROW(ltx_op_take_result),
    ROW(ltx_op_take_saved),
    ROW(ltx_op_take_submits),
    ROW(ltx_op_take_uri),
    ROW(ltx_op_wait),
    ROW(ltx_op_wait_until),
    ROW(ltx_ops_wait_any),
    ROW(ltx_recovered_free),
    ROW(ltx_recovered_job),
    ROW(ltx_recovered_job_count),
    ROW(ltx_recovered_other_key),
    ROW(ltx_recovered_unknown),
    ROW(ltx_request_free),
    ROW(ltx_request_new),
    ROW(ltx_request_set_bool),
    ROW(ltx_request_set_dest),
    ROW(ltx_request_set_double),
    ROW(ltx_request_set_int),
    ROW(ltx_request_set_json),
    ROW(ltx_request_set_label),
    ROW(ltx_request_set_max_cost),
    ROW(ltx_request_set_media_bytes),
    ROW(ltx_request_set_media_file),
    ROW(ltx_request_set_media_url),
    ROW(ltx_request_set_null),
    ROW(ltx_request_set_on_unknown),
    ROW(ltx_request_set_once),
    ROW(ltx_request_set_path),
    ROW(ltx_request_set_string),
    ROW(ltx_request_set_timeout_ms),
    ROW(ltx_result_completed_at),
    ROW(ltx_result_count),
    ROW(ltx_result_created_at),
    ROW(ltx_result_download),
    ROW(ltx_result_frames),
    ROW(ltx_result_free),
    ROW(ltx_result_job_expires_at),
    ROW(ltx_result_label),
    ROW(ltx_result_outputs_expire_at),
    ROW(ltx_result_url),
    ROW(ltx_saved_bytes),
    ROW(ltx_saved_count),
    ROW(ltx_saved_free),
    ROW(ltx_saved_path),
    ROW(ltx_status_name),
    ROW(ltx_submits_began_at),
    ROW(ltx_submits_count),
    ROW(ltx_submits_dest),
    ROW(ltx_submits_doubts),
    ROW(ltx_submits_ended),
    ROW(ltx_submits_endpoint),
    ROW(ltx_submits_fate),
    ROW(ltx_submits_free),
    ROW(ltx_submits_intent),
    ROW(ltx_submits_is_other_key),
    ROW(ltx_submits_is_saved),
    ROW(ltx_submits_job),
    ROW(ltx_submits_label),
    ROW(ltx_submits_once),
    ROW(ltx_submits_request_id),
    ROW(ltx_submits_usd),
    ROW(ltx_version),
    ROW(ltx_version_number),
};

/* Calls each row of the list of exports, between `before` and `after`. */
static void every_export(const char *symbols, void (*before)(const char *), void (*after)(const char *)) {
  FILE *file = fopen(symbols, "r");
  CHECK(file != NULL);
  char line[256];
  size_t seen = 0;
  while (fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\r\n")] = '\0';
    size_t row = 0;
    while (row < sizeof table / sizeof *table && strcmp(table[row].name, line) != 0) {
      ++row;
    }
    if (row == sizeof table / sizeof *table) {
      fprintf(stderr, "the export %s is missing in the table\n", line);
      exit(1);
    }
    before(line);
    table[row].call();
    after(line);
    /* Whoever was handed an out-parameter has emptied it. */
    CHECK(filled == NULL || filled == &filled);
    ++seen;
  }
  fclose(file);
  CHECK_INT(seen, sizeof table / sizeof *table);
}

static void nothing(const char *name) { (void)name; }

/* A handle of another type than the one that belongs there. */
static ltx_config *config;
static ltx_request *request;

static void another_type(const char *name) { given = strncmp(name, "ltx_config_", 11) == 0 ? (void *)request : (void *)config; }

static void every_export_answers_what_is_no_handle_of_its_type(const char *symbols) {
  every_export(symbols, nothing, nothing);
  config = ltx_config_new();
  CHECK_OK(ltx_request_new("retake", &request, NULL), NULL);
  every_export(symbols, another_type, nothing);
  /* They are as they were. */
  CHECK_OK(ltx_config_set(config, "poll_interval", "5", NULL), NULL);
  CHECK_OK(ltx_request_set_int(request, "seed", 1, NULL), NULL);
  ltx_config_free(config);
  ltx_request_free(request);
  /* Words of somebody else, and a place between words. */
  static uint64_t words[4] = {0x1122334455667788u, 1, 2, 3};
  given = words;
  every_export(symbols, nothing, nothing);
  given = (char *)words + 3;
  every_export(symbols, nothing, nothing);
  given = NULL;
}

static void out_parameters_are_emptied_and_errors_told(void) {
  ltx_op *op = (ltx_op *)(void *)&filled;
  ltx_error *err = NULL;
  CHECK_STATUS(ltx_client_submit(NULL, NULL, NULL, &op, &err), LTX_INVALID_ARGUMENT, err);
  CHECK(op == NULL);
  CHECK_INT(ltx_error_status(err), LTX_INVALID_ARGUMENT);
  CHECK(strstr(ltx_error_message(err), "ltx_client") != NULL);
  CHECK(!ltx_error_is_retryable(err));
  ltx_error_free(err);
  size_t index = 7;
  CHECK_STATUS(ltx_ops_wait_any(NULL, 0, 0, &index, NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK_INT(index, 0);
  /* On success the error is emptied, whatever was there. */
  err = (ltx_error *)(void *)&filled;
  ltx_request *made = NULL;
  CHECK_OK(ltx_request_new("retake", &made, &err), NULL);
  CHECK(err == NULL);
  ltx_request_free(made);
}

static ltx_client *some_client(void) {
  ltx_error *err = NULL;
  ltx_config *settings = ltx_config_new();
  ltx_client *client = NULL;
  CHECK_OK(ltx_config_set(settings, "api_key", "some-key", &err), err);
  CHECK_OK(ltx_config_set(settings, "base_url", "http://127.0.0.1:9", &err), err);
  CHECK_OK(ltx_config_set(settings, "journal", "memory", &err), err);
  CHECK_OK(ltx_client_new(settings, &client, &err), err);
  ltx_config_free(settings);
  return client;
}

static void handles_of_another_type_are_refused(void) {
  ltx_client *client = some_client();
  ltx_error *err = NULL;
  ltx_job *job = NULL;
  ltx_op *op = NULL;
  CHECK_OK(ltx_client_job(client, "retake/some-id", &job, &err), err);
  CHECK_STATUS(ltx_op_wait((ltx_op *)(void *)job, 0, &err), LTX_INVALID_ARGUMENT, err);
  CHECK(strstr(ltx_error_message(err), "another handle") != NULL);
  ltx_error_free(err);
  CHECK_STATUS(ltx_job_wait((ltx_job *)(void *)client, NULL, &op, NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK(op == NULL && ltx_job_id((const ltx_job *)(void *)client) == NULL);
  CHECK(ltx_client_ref((ltx_client *)(void *)job) == NULL);
  ltx_client_release((ltx_client *)(void *)job);
  ltx_error_free((ltx_error *)(void *)job);
  CHECK_TEXT(ltx_job_id(job), "some-id");
  /* A struct that does not begin with its size is not believed, and its functions are not called. */
  ltx_callbacks callbacks = LTX_CALLBACKS_INIT;
  callbacks.size = 3;
  CHECK_STATUS(ltx_job_poll(job, &callbacks, &op, &err), LTX_INVALID_ARGUMENT, err);
  CHECK(strstr(ltx_error_message(err), "callbacks") != NULL);
  ltx_error_free(err);
  ltx_job_info info;
  info.size = 3;
  CHECK_STATUS(ltx_job_snapshot(job, &info, NULL), LTX_INVALID_ARGUMENT, NULL);
  ltx_counters counters;
  counters.size = 3;
  CHECK_STATUS(ltx_client_counters(client, &counters, &err), LTX_INVALID_ARGUMENT, err);
  CHECK(strstr(ltx_error_message(err), "counters") != NULL);
  ltx_error_free(err);
  /* Counted: the first release is not the last. */
  CHECK(ltx_job_ref(job) == job);
  ltx_job_release(job);
  CHECK_TEXT(ltx_job_ref_string(job), "retake/some-id");
  ltx_job_release(job);
  ltx_client_release(client);
}

/* Of the library that was built to panic. */
static int32_t (*panic_next)(int32_t);

/* These give a number or a text that is fixed; nothing in them can panic. */
static int is_fixed(const char *name) {
  static const char *const fixed[] = {"ltx_abi_version", "ltx_billing_name"};
  for (size_t i = 0; i < sizeof fixed / sizeof *fixed; ++i) {
    if (strcmp(fixed[i], name) == 0) {
      return 1;
    }
  }
  return 0;
}

static void arm(const char *name) {
  (void)name;
  panic_next(1);
}

static void was_struck(const char *name) {
  if ((panic_next(0) == 0) == is_fixed(name)) {
    printf("%s: %s\n", name, is_fixed(name) ? "it panicked, and is called fixed here" : "nothing guards it against a panic");
    exit(1);
  }
}

typedef struct {
  int completed, destroyed;
  ltx_status inside;
} heard;

static void on_complete(void *user_data, ltx_op *op, ltx_status outcome) {
  (void)outcome;
  heard *at = user_data;
  ++at->completed;
  panic_next(1);
  at->inside = ltx_op_wait(op, 0, NULL);
}

static void destroy(void *user_data) { ++((heard *)user_data)->destroyed; }

/* An operation that has ended, and whose callbacks are due. */
static void begin(ltx_client *client, heard *at) {
  ltx_callbacks callbacks = LTX_CALLBACKS_INIT;
  callbacks.on_complete = on_complete;
  callbacks.user_data = at;
  callbacks.destroy = destroy;
  ltx_op *op = NULL;
  CHECK_OK(ltx_client_jobs(client, &callbacks, &op, NULL), NULL);
  CHECK_OK(ltx_op_wait(op, 60000, NULL), NULL);
  ltx_op_release(op);
}

static int written[2] = {-1, -1};

/* Whatever ends this program: what was written to standard error meanwhile is seen. */
static void show_what_was_written(void) {
  char text[4096];
  close(2);
  for (ssize_t got; written[0] >= 0 && (got = read(written[0], text, sizeof text)) > 0;) {
    fwrite(text, 1, (size_t)got, stdout);
  }
}

static void a_panic_ends_at_the_border(const char *symbols) {
  /* Only there in the library that was built for this. */
  void *found = dlsym(RTLD_DEFAULT, "ltx_test_panic_next");
  CHECK(found != NULL);
  memcpy(&panic_next, &found, sizeof panic_next);
  /* Standard error goes into a pipe, to see that nothing comes. */
  const int stderr_before = dup(2);
  atexit(show_what_was_written);
  CHECK(pipe(written) == 0 && dup2(written[1], 2) == 2);
  close(written[1]);
  answer = LTX_INTERNAL;
  every_export(symbols, arm, was_struck);

  ltx_error *err = NULL;
  ltx_request *made = NULL;
  panic_next(1);
  CHECK_STATUS(ltx_request_new("../", &made, &err), LTX_INTERNAL, err);
  CHECK_INT(ltx_error_status(err), LTX_INTERNAL);
  CHECK(made == NULL && strstr(ltx_error_message(err), "on purpose") != NULL);
  ltx_error_free(err);

  /* In a call from inside a callback: it is answered there, and nobody else hears of it. */
  ltx_client *client = some_client();
  heard at = {0, 0, LTX_OK};
  begin(client, &at);
  CHECK_OK(ltx_client_dispatch(client, 60000, 0, NULL, NULL), NULL);
  CHECK(at.completed == 1 && at.destroyed == 1 && at.inside == LTX_INTERNAL);
  /* On this library's side of a callback: it is left out, what belongs to the host is destroyed, and the next one comes. */
  memset(&at, 0, sizeof at);
  begin(client, &at);
  panic_next(2);
  CHECK_STATUS(ltx_client_dispatch(client, 60000, 0, NULL, NULL), LTX_INTERNAL, NULL);
  CHECK(at.completed == 0 && at.destroyed == 1);
  begin(client, &at);
  CHECK_OK(ltx_client_dispatch(client, 60000, 0, NULL, NULL), NULL);
  CHECK(at.completed == 1 && at.destroyed == 2);
  CHECK_OK(ltx_client_close(client, 20000, NULL), NULL);
  ltx_client_release(client);

  CHECK(dup2(stderr_before, 2) == 2);
  char text[64];
  CHECK_INT(read(written[0], text, sizeof text), 0);
}

int main(int argc, char **argv) {
  CHECK(argc == 2 || (argc == 3 && strcmp(argv[2], "panics") == 0));
  if (argc == 3) {
    a_panic_ends_at_the_border(argv[1]);
    return 0;
  }
  every_export_answers_what_is_no_handle_of_its_type(argv[1]);
  out_parameters_are_emptied_and_errors_told();
  handles_of_another_type_are_refused();
  return 0;
}
