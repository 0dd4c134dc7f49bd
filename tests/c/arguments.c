/*
 * What can be handed in wrongly, is: NULL everywhere, handles of another type, text that is no UTF-8, numbers of no enumeration.
 *
 *   arguments SYMBOLS
 *
 * SYMBOLS is a file with the names the library exports, one a line: an export that is missing in the table below fails the test.
 */
#include <math.h>

#include "check.h"

#define STATUS(name, ...)                                                                                                                  \
  static void name##_null(void) { CHECK_STATUS(name(__VA_ARGS__), LTX_INVALID_ARGUMENT, NULL); }
#define NOTHING(name)                                                                                                                      \
  static void name##_null(void) { CHECK(name(NULL) == NULL); }
#define DONE(name)                                                                                                                         \
  static void name##_null(void) { name(NULL); }
#define NUMBER(name, wanted)                                                                                                               \
  static void name##_null(void) { CHECK_INT(name(NULL), wanted); }

/* An out-parameter that must be emptied on failure. */
static void *filled = &filled;
#define OUT(type) ((type **)(void *)(filled = &filled, &filled))

STATUS(ltx_client_check, NULL, NULL, OUT(ltx_op), NULL)
STATUS(ltx_client_close, NULL, 0, NULL)
STATUS(ltx_client_committed, NULL, NULL, 0, NULL)
STATUS(ltx_client_dispatch, NULL, 0, 0, NULL, NULL)
STATUS(ltx_client_estimate, NULL, NULL, NULL, OUT(ltx_op), NULL)
STATUS(ltx_client_event_handle, NULL, NULL, NULL)
STATUS(ltx_client_job, NULL, NULL, OUT(ltx_job), NULL)
STATUS(ltx_client_jobs, NULL, NULL, OUT(ltx_op), NULL)
STATUS(ltx_client_new, NULL, NULL, NULL)
STATUS(ltx_client_recover, NULL, NULL, OUT(ltx_op), NULL)
STATUS(ltx_client_resolve, NULL, NULL, NULL, NULL, OUT(ltx_op), NULL)
STATUS(ltx_client_set_api_key, NULL, NULL, NULL)
STATUS(ltx_client_submit, NULL, NULL, NULL, OUT(ltx_op), NULL)
STATUS(ltx_client_upload, NULL, NULL, NULL, OUT(ltx_op), NULL)
STATUS(ltx_config_set, NULL, NULL, NULL, NULL)
STATUS(ltx_frame_stream_cancel, NULL, NULL)
STATUS(ltx_frame_stream_next, NULL, -1, NULL, OUT(ltx_buffer), NULL)
STATUS(ltx_frame_stream_snapshot, NULL, NULL, NULL)
STATUS(ltx_frames_extract, NULL, NULL, NULL, NULL, OUT(ltx_op), NULL)
STATUS(ltx_frames_read, NULL, 0, NULL, OUT(ltx_op), NULL)
STATUS(ltx_frames_stream, NULL, NULL, OUT(ltx_frame_stream), NULL)
STATUS(ltx_op_take_buffer, NULL, OUT(ltx_buffer), NULL)
STATUS(ltx_op_take_frames, NULL, OUT(ltx_frames), NULL)
STATUS(ltx_result_frames, NULL, NULL, NULL, OUT(ltx_op), NULL)
STATUS(ltx_job_poll, NULL, NULL, OUT(ltx_op), NULL)
STATUS(ltx_job_snapshot, NULL, NULL, NULL)
STATUS(ltx_job_wait, NULL, NULL, OUT(ltx_op), NULL)
STATUS(ltx_job_wait_for, NULL, 0, NULL, OUT(ltx_op), NULL)
STATUS(ltx_log_set, 6, NULL, NULL, NULL, NULL)
STATUS(ltx_op_cancel, NULL, NULL)
STATUS(ltx_op_snapshot, NULL, NULL, NULL)
STATUS(ltx_op_take_estimate, NULL, OUT(ltx_estimate), NULL)
STATUS(ltx_op_take_checked, NULL, OUT(ltx_checked), NULL)
STATUS(ltx_op_take_job, NULL, OUT(ltx_job), NULL)
STATUS(ltx_op_take_recovered, NULL, OUT(ltx_recovered), NULL)
STATUS(ltx_op_take_result, NULL, OUT(ltx_result), NULL)
STATUS(ltx_op_take_saved, NULL, OUT(ltx_saved), NULL)
STATUS(ltx_op_take_submits, NULL, OUT(ltx_submits), NULL)
STATUS(ltx_op_take_uri, NULL, (const char **)(void *)OUT(void), NULL)
STATUS(ltx_op_wait, NULL, -1, NULL)
STATUS(ltx_op_wait_until, NULL, -1, 1, NULL, NULL, NULL)
STATUS(ltx_ops_wait_any, NULL, 1, -1, NULL, NULL)
STATUS(ltx_recovered_job, NULL, 0, OUT(ltx_job), NULL)
STATUS(ltx_request_new, NULL, OUT(ltx_request), NULL)
STATUS(ltx_request_set_bool, NULL, NULL, true, NULL)
STATUS(ltx_request_set_double, NULL, NULL, 1.0, NULL)
STATUS(ltx_request_set_int, NULL, NULL, 1, NULL)
STATUS(ltx_request_set_json, NULL, NULL, NULL, NULL)
STATUS(ltx_request_set_label, NULL, NULL, NULL)
STATUS(ltx_request_set_max_cost, NULL, NULL, NULL)
STATUS(ltx_request_set_media_bytes, NULL, NULL, NULL, 1, NULL)
STATUS(ltx_request_set_media_file, NULL, NULL, NULL, NULL)
STATUS(ltx_request_set_media_url, NULL, NULL, NULL, NULL)
STATUS(ltx_request_set_null, NULL, NULL, NULL)
STATUS(ltx_request_set_on_unknown, NULL, 0, NULL)
STATUS(ltx_request_set_once, NULL, NULL, NULL)
STATUS(ltx_request_set_path, NULL, NULL, NULL)
STATUS(ltx_request_set_string, NULL, NULL, NULL, NULL)
STATUS(ltx_request_set_timeout_ms, NULL, 1, NULL)
STATUS(ltx_result_download, NULL, NULL, NULL, NULL, OUT(ltx_op), NULL)
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
static void ltx_checked_detail_null(void) { CHECK(ltx_checked_detail(NULL, 0) == NULL); }
static void ltx_checked_elapsed_ms_null(void) { CHECK_INT(ltx_checked_elapsed_ms(NULL, 0), -1); }
static void ltx_checked_setting_key_null(void) { CHECK(ltx_checked_setting_key(NULL, 0) == NULL); }
static void ltx_checked_setting_origin_null(void) { CHECK(ltx_checked_setting_origin(NULL, 0) == NULL); }
static void ltx_checked_setting_value_null(void) { CHECK(ltx_checked_setting_value(NULL, 0) == NULL); }
static void ltx_checked_state_null(void) { CHECK_INT(ltx_checked_state(NULL, 0), -1); }
static void ltx_checked_status_null(void) { CHECK_INT(ltx_checked_status(NULL, 0), LTX_OK); }
static void ltx_checked_text_null(void) { CHECK_TEXT(ltx_checked_text(NULL), ""); }
static void ltx_checked_what_null(void) { CHECK(ltx_checked_what(NULL, 0) == NULL); }
static void ltx_error_message_null(void) { CHECK_TEXT(ltx_error_message(NULL), ""); }
static void ltx_frames_find_number_null(void) { CHECK_INT(ltx_frames_find_number(NULL, 0), -1); }
static void ltx_frames_name_null(void) { CHECK(ltx_frames_name(NULL, 0) == NULL); }
static void ltx_frames_number_null(void) { CHECK_INT(ltx_frames_number(NULL, 0), -1); }
static void ltx_frames_size_null(void) { CHECK_INT(ltx_frames_size(NULL, 0), 0); }
static void ltx_op_frame_path_null(void) { CHECK(ltx_op_frame_path(NULL, 0) == NULL); }
static void ltx_job_warning_null(void) { CHECK(ltx_job_warning(NULL, 0) == NULL); }
static void ltx_result_label_null(void) { CHECK(ltx_result_label(NULL, 0) == NULL); }
static void ltx_result_url_null(void) { CHECK(ltx_result_url(NULL, 0) == NULL); }
static void ltx_saved_path_null(void) { CHECK(ltx_saved_path(NULL, 0) == NULL); }
static void ltx_submits_began_at_null(void) { CHECK_INT(ltx_submits_began_at(NULL, 0), -1); }
static void ltx_submits_doubts_null(void) { CHECK_INT(ltx_submits_doubts(NULL, 0), 0); }
static void ltx_submits_ended_null(void) { CHECK_INT(ltx_submits_ended(NULL, 0), LTX_STATE_UNKNOWN); }
static void ltx_submits_endpoint_null(void) { CHECK(ltx_submits_endpoint(NULL, 0) == NULL); }
static void ltx_submits_fate_null(void) { CHECK_INT(ltx_submits_fate(NULL, 0), -1); }
static void ltx_submits_intent_null(void) { CHECK(ltx_submits_intent(NULL, 0) == NULL); }
static void ltx_submits_is_other_key_null(void) { CHECK(!ltx_submits_is_other_key(NULL, 0)); }
static void ltx_submits_is_saved_null(void) { CHECK(!ltx_submits_is_saved(NULL, 0)); }
static void ltx_submits_job_null(void) { CHECK(ltx_submits_job(NULL, 0) == NULL); }
static void ltx_submits_label_null(void) { CHECK(ltx_submits_label(NULL, 0) == NULL); }
static void ltx_submits_once_null(void) { CHECK(ltx_submits_once(NULL, 0) == NULL); }
static void ltx_submits_request_id_null(void) { CHECK(ltx_submits_request_id(NULL, 0) == NULL); }
/* These take no pointer. */
static void ltx_abi_version_null(void) { CHECK_INT(ltx_abi_version(), LTX_ABI_VERSION); }
static void ltx_version_null(void) { CHECK_TEXT(ltx_version(), LTX_VERSION); }
static void ltx_version_number_null(void) { CHECK_INT(ltx_version_number(), LTX_VERSION_NUMBER); }
static void ltx_build_info_null(void) { CHECK(strstr(ltx_build_info(), LTX_VERSION) != NULL); }
static void ltx_billing_name_null(void) {
  CHECK_TEXT(ltx_billing_name(LTX_BILLING_NO_JOB), "no_job");
  CHECK_TEXT(ltx_billing_name(LTX_BILLING_JOB_EXISTS), "job_exists");
  CHECK_TEXT(ltx_billing_name(LTX_BILLING_NOT_BILLED), "not_billed");
  CHECK_TEXT(ltx_billing_name(99), "unknown");
}
static void ltx_status_name_null(void) {
  CHECK_TEXT(ltx_status_name(LTX_OK), "Ok");
  CHECK_TEXT(ltx_status_name(LTX_WAIT_TIMEOUT), "WaitTimeout");
  CHECK_TEXT(ltx_status_name(-7), "Unknown");
}
static void ltx_config_new_null(void) {
  ltx_config *config = ltx_config_new();
  CHECK(config != NULL);
  ltx_config_free(config);
}

#define ROW(name) {#name, name##_null}
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
    ROW(ltx_version),
    ROW(ltx_version_number),
};

static void every_export_answers_null(const char *symbols) {
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
    table[row].call();
    /* Whoever was handed an out-parameter has emptied it. */
    CHECK(filled == NULL || filled == &filled);
    ++seen;
  }
  fclose(file);
  CHECK_INT(seen, sizeof table / sizeof *table);
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
  ltx_request *request = NULL;
  CHECK_OK(ltx_request_new("retake", &request, &err), NULL);
  CHECK(err == NULL);
  ltx_request_free(request);
}

static ltx_client *some_client(void) {
  ltx_error *err = NULL;
  ltx_config *config = ltx_config_new();
  ltx_client *client = NULL;
  CHECK_OK(ltx_config_set(config, "api_key", "some-key", &err), err);
  CHECK_OK(ltx_config_set(config, "base_url", "http://127.0.0.1:9", &err), err);
  CHECK_OK(ltx_config_set(config, "journal", "memory", &err), err);
  CHECK_OK(ltx_client_new(config, &client, &err), err);
  ltx_config_free(config);
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
  /* Counted: the first release is not the last. */
  CHECK(ltx_job_ref(job) == job);
  ltx_job_release(job);
  CHECK_TEXT(ltx_job_ref_string(job), "retake/some-id");
  ltx_job_release(job);
  ltx_client_release(client);
}

static void text_and_numbers_are_checked(void) {
  static const char bad[] = "ab\xff";
  ltx_error *err = NULL;
  ltx_request *request = NULL;
  ltx_config *config = ltx_config_new();
  CHECK_STATUS(ltx_request_new(bad, &request, &err), LTX_INVALID_ARGUMENT, err);
  CHECK(request == NULL && strstr(ltx_error_message(err), "UTF-8") != NULL);
  ltx_error_free(err);
  CHECK_STATUS(ltx_request_new("../admin", &request, NULL), LTX_INVALID_REQUEST, NULL);
  CHECK_OK(ltx_request_new("retake", &request, &err), err);
  CHECK_STATUS(ltx_request_set_string(request, bad, "x", NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK_STATUS(ltx_request_set_string(request, "prompt", bad, NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK_STATUS(ltx_request_set_string(request, "prompt", NULL, NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK_STATUS(ltx_request_set_json(request, "prompt", "{", NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK_STATUS(ltx_request_set_double(request, "strength", (double)INFINITY, NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK_STATUS(ltx_request_set_on_unknown(request, 2, NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK_STATUS(ltx_request_set_on_unknown(request, -1, NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK_STATUS(ltx_request_set_timeout_ms(request, 0, NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK_STATUS(ltx_request_set_media_bytes(request, "video_uri", NULL, 5, NULL), LTX_INVALID_ARGUMENT, NULL);
  /* An amount that is none is refused, an empty one too; NULL is no limit. */
  static const char *const amounts[] = {"", "-1", "2,50", "$2", "1e3", "NaN", "0.0000001"};
  for (size_t i = 0; i < sizeof amounts / sizeof *amounts; ++i) {
    CHECK_STATUS(ltx_request_set_max_cost(request, amounts[i], NULL), LTX_INVALID_REQUEST, NULL);
  }
  CHECK_STATUS(ltx_request_set_max_cost(request, bad, NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK_OK(ltx_request_set_max_cost(request, "2.50", &err), err);
  CHECK_OK(ltx_request_set_max_cost(request, NULL, &err), err);
  /* A path on POSIX may be any bytes. */
  CHECK_OK(ltx_request_set_media_file(request, "video_uri", bad, &err), err);
  CHECK_OK(ltx_request_set_json(request, "anything", "[1, {\"a\": null}]", &err), err);
  CHECK_OK(ltx_request_set_once(request, NULL, &err), err);
  CHECK_OK(ltx_request_set_on_unknown(request, LTX_ON_UNKNOWN_STOP, &err), err);
  ltx_request_free(request);
  CHECK_STATUS(ltx_config_set(config, "pol_interval", "5", &err), LTX_CONFIG, err);
  CHECK(strstr(ltx_error_message(err), "poll_interval") != NULL);
  ltx_error_free(err);
  CHECK_STATUS(ltx_config_set(config, "poll_interval", bad, NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK_STATUS(ltx_config_set(config, "poll_interval", "soon", NULL), LTX_CONFIG, NULL);
  ltx_config_free(config);

  ltx_client *client = some_client();
  ltx_job *job = NULL;
  CHECK_STATUS(ltx_client_job(client, bad, &job, NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK_STATUS(ltx_client_job(client, "no reference", &job, NULL), LTX_INVALID_REQUEST, NULL);
  CHECK_STATUS(ltx_client_job(client, "intent:unheard-of", &job, NULL), LTX_NOT_FOUND, NULL);
  CHECK_STATUS(ltx_client_set_api_key(client, "  ", NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK(job == NULL);
  ltx_op *op = NULL;
  CHECK_STATUS(ltx_client_resolve(client, bad, NULL, NULL, &op, NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK_STATUS(ltx_client_resolve(client, "no reference", NULL, NULL, &op, NULL), LTX_INVALID_REQUEST, NULL);
  CHECK(op == NULL);
  char usd[LTX_USD_SIZE];
  CHECK_OK(ltx_client_committed(client, usd, sizeof usd, &err), err);
  CHECK_TEXT(usd, "0.00");
  CHECK_STATUS(ltx_client_committed(client, usd, 4, &err), LTX_INVALID_ARGUMENT, err);
  CHECK(usd[0] == '\0' && strstr(ltx_error_message(err), "5 are needed") != NULL);
  ltx_error_free(err);
  CHECK_STATUS(ltx_client_committed(client, NULL, 4, NULL), LTX_INVALID_ARGUMENT, NULL);
  int64_t handle = 7;
  CHECK_STATUS(ltx_client_event_handle((ltx_client *)(void *)&filled, &handle, NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK_INT(handle, -1);
  ltx_client_release(client);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  every_export_answers_null(argv[1]);
  out_parameters_are_emptied_and_errors_told();
  handles_of_another_type_are_refused();
  text_and_numbers_are_checked();
  return 0;
}
