/*
 * Text that is no UTF-8 is refused wherever text goes in, and numbers of no enumeration wherever one does; other values that cannot be meant are told too.
 *
 *   words HEADER
 *
 * HEADER is the path of ltx_jobs.h: a parameter or a field of a struct of options that takes text, and is missing in the tables below, fails the test.
 */
#define _XOPEN_SOURCE 700
#include <ctype.h>
#include <math.h>
#include <unistd.h>

#include "check.h"
#include "emulator.h"

/* What the calls below are made on. */
static ltx_config *config;
static ltx_request *request;
static ltx_client *client;
static ltx_result *result;
static ltx_frames *frames;
static char *dest;
static ltx_job *no_job;
static ltx_request *no_request;

static ltx_status released(ltx_status status, ltx_op *op) {
  CHECK(status == LTX_OK || op == NULL);
  if (op != NULL) {
    ltx_op_cancel(op, NULL);
    ltx_op_wait(op, 60000, NULL);
  }
  ltx_op_release(op);
  return status;
}

/* One call that hands in `text`, and is in order but for that. */
#define TEXT(function, name, call)                                                                                                         \
  static ltx_status function##_##name(const char *text, ltx_error **err) {                                                                 \
    ltx_op *op = NULL;                                                                                                                     \
    const ltx_status status = call;                                                                                                        \
    return released(status, op);                                                                                                           \
  }
TEXT(ltx_client_job, reference, ltx_client_job(client, text, &no_job, err))
TEXT(ltx_client_resolve, intent, ltx_client_resolve(client, text, NULL, NULL, &op, err))
TEXT(ltx_client_resolve, job, ltx_client_resolve(client, "intent:x", text, NULL, &op, err))
TEXT(ltx_client_set_api_key, key, ltx_client_set_api_key(client, text, err))
TEXT(ltx_client_upload, path, ltx_client_upload(client, text, NULL, &op, err))
TEXT(ltx_config_set, key, ltx_config_set(config, text, "5", err))
TEXT(ltx_config_set, value, ltx_config_set(config, "proxy", text, err))
TEXT(ltx_frames_extract, dest, ltx_frames_extract(frames, text, NULL, NULL, &op, err))
TEXT(ltx_request_new, endpoint, ltx_request_new(text, &no_request, err))
TEXT(ltx_request_set_bool, field, ltx_request_set_bool(request, text, true, err))
TEXT(ltx_request_set_dest, dest, ltx_request_set_dest(request, text, err))
TEXT(ltx_request_set_double, field, ltx_request_set_double(request, text, 0.5, err))
TEXT(ltx_request_set_int, field, ltx_request_set_int(request, text, 1, err))
TEXT(ltx_request_set_json, field, ltx_request_set_json(request, text, "1", err))
TEXT(ltx_request_set_json, json, ltx_request_set_json(request, "prompt", text, err))
TEXT(ltx_request_set_label, label, ltx_request_set_label(request, text, err))
TEXT(ltx_request_set_max_cost, usd, ltx_request_set_max_cost(request, text, err))
TEXT(ltx_request_set_media_bytes, field, ltx_request_set_media_bytes(request, text, (const uint8_t *)"x", 1, err))
TEXT(ltx_request_set_media_file, field, ltx_request_set_media_file(request, text, "plate.mp4", err))
TEXT(ltx_request_set_media_file, path, ltx_request_set_media_file(request, "video_uri", text, err))
TEXT(ltx_request_set_media_url, field, ltx_request_set_media_url(request, text, "https://example.com/plate.mp4", err))
TEXT(ltx_request_set_media_url, url, ltx_request_set_media_url(request, "video_uri", text, err))
TEXT(ltx_request_set_null, field, ltx_request_set_null(request, text, err))
TEXT(ltx_request_set_once, key, ltx_request_set_once(request, text, err))
TEXT(ltx_request_set_path, path, ltx_request_set_path(request, text, err))
TEXT(ltx_request_set_string, field, ltx_request_set_string(request, text, "x", err))
TEXT(ltx_request_set_string, value, ltx_request_set_string(request, "prompt", text, err))
TEXT(ltx_result_download, dest, ltx_result_download(result, text, NULL, NULL, &op, err))

static ltx_download_options download_with(const char *const *only, const char *frame_name) {
  ltx_download_options options = {0};
  options.size = sizeof options;
  options.only = only;
  options.only_count = only != NULL;
  options.frame_name = frame_name;
  return options;
}

static ltx_frames_options opened_with(const char *label, const char *spool) {
  ltx_frames_options options = {0};
  options.size = sizeof options;
  options.label = label;
  options.spool = spool;
  return options;
}

/* The same for a field of a struct of options. */
#define FIELD(type, name, made, call)                                                                                                      \
  static ltx_status type##_##name(const char *text, ltx_error **err) {                                                                     \
    ltx_op *op = NULL;                                                                                                                     \
    const type options = made;                                                                                                             \
    const ltx_status status = call;                                                                                                        \
    return released(status, op);                                                                                                           \
  }
FIELD(ltx_download_options, only, download_with(&text, NULL), ltx_result_download(result, dest, &options, NULL, &op, err))
FIELD(ltx_download_options, frame_name, download_with(NULL, text), ltx_result_download(result, dest, &options, NULL, &op, err))
FIELD(ltx_frames_options, label, opened_with(text, NULL), ltx_result_frames(result, &options, NULL, &op, err))
FIELD(ltx_frames_options, spool, opened_with(NULL, text), ltx_result_frames(result, &options, NULL, &op, err))

static ltx_status ltx_extract_options_frame_name(const char *text, ltx_error **err) {
  ltx_extract_options options = {0};
  ltx_op *op = NULL;
  options.size = sizeof options;
  options.frame_name = text;
  const ltx_status status = ltx_frames_extract(frames, dest, &options, NULL, &op, err);
  return released(status, op);
}

#define ROW(of, name) {#of, #name, of##_##name}
static const struct {
  /* A function, or a struct of options. */
  const char *of;
  const char *name;
  ltx_status (*call)(const char *, ltx_error **);
} table[] = {
    ROW(ltx_client_job, reference),
    ROW(ltx_client_resolve, intent),
    ROW(ltx_client_resolve, job),
    ROW(ltx_client_set_api_key, key),
    ROW(ltx_client_upload, path),
    ROW(ltx_config_set, key),
    ROW(ltx_config_set, value),
    ROW(ltx_download_options, frame_name),
    ROW(ltx_download_options, only),
    ROW(ltx_extract_options, frame_name),
    ROW(ltx_frames_extract, dest),
    ROW(ltx_frames_options, label),
    ROW(ltx_frames_options, spool),
    ROW(ltx_request_new, endpoint),
    ROW(ltx_request_set_bool, field),
    ROW(ltx_request_set_dest, dest),
    ROW(ltx_request_set_double, field),
    ROW(ltx_request_set_int, field),
    ROW(ltx_request_set_json, field),
    ROW(ltx_request_set_json, json),
    ROW(ltx_request_set_label, label),
    ROW(ltx_request_set_max_cost, usd),
    ROW(ltx_request_set_media_bytes, field),
    ROW(ltx_request_set_media_file, field),
    ROW(ltx_request_set_media_file, path),
    ROW(ltx_request_set_media_url, field),
    ROW(ltx_request_set_media_url, url),
    ROW(ltx_request_set_null, field),
    ROW(ltx_request_set_once, key),
    ROW(ltx_request_set_path, path),
    ROW(ltx_request_set_string, field),
    ROW(ltx_request_set_string, value),
    ROW(ltx_result_download, dest),
};
enum { ROWS = sizeof table / sizeof *table };

/* Names of files may be any bytes on POSIX. */
static int is_file(size_t row) {
  const char *name = table[row].name;
  return strcmp(name, "dest") == 0 || strcmp(name, "spool") == 0 || (strcmp(name, "path") == 0 && strcmp(table[row].of, "ltx_request_set_path") != 0);
}

static int seen[ROWS];

static void expect_row(const char *of, const char *name) {
  for (size_t row = 0; row < ROWS; ++row) {
    if (strcmp(table[row].of, of) == 0 && strcmp(table[row].name, name) == 0) {
      seen[row] = 1;
      return;
    }
  }
  fprintf(stderr, "%s takes the text %s, which is missing in the table\n", of, name);
  exit(1);
}

/* The identifier at `text`, or behind it. */
static const char *word(const char *text, char *to, size_t size) {
  size_t length = 0;
  while (isalnum((unsigned char)text[length]) || text[length] == '_') {
    ++length;
  }
  CHECK(length < size);
  memcpy(to, text, length);
  to[length] = '\0';
  return text + length;
}

/* Every `const char *` in a piece of the header belongs to `of`. */
static void expect_texts(const char *of, const char *from, const char *to) {
  static const char mark[] = "const char *";
  for (const char *at = strstr(from, mark); at != NULL && at < to; at = strstr(at, mark)) {
    char name[128];
    at += sizeof mark - 1;
    /* An array of texts; or a place for one, which is given and not taken. */
    const int array = strncmp(at, "const *", 7) == 0;
    word(array ? at + 7 : at, name, sizeof name);
    if (*name != '\0') {
      expect_row(of, name);
    }
  }
}

static void the_tables_have_every_text_of_the_header(const char *path) {
  FILE *file = fopen(path, "rb");
  CHECK(file != NULL);
  static char header[1 << 20];
  const size_t size = fread(header, 1, sizeof header - 1, file);
  fclose(file);
  CHECK(size > 0 && size < sizeof header - 1);
  int functions = 0, structs = 0;
  char name[128];
  for (const char *at = strstr(header, "\nLTX_API"); at != NULL; at = strstr(at + 1, "\nLTX_API")) {
    const char *parameters = strchr(at, '('), *begin = parameters, *end = strchr(at, ';');
    CHECK(parameters != NULL && end != NULL && parameters < end);
    while (isalnum((unsigned char)begin[-1]) || begin[-1] == '_') {
      --begin;
    }
    word(begin, name, sizeof name);
    expect_texts(name, parameters, end);
    ++functions;
  }
  static const char mark[] = "\ntypedef struct ";
  for (const char *at = strstr(header, mark); at != NULL; at = strstr(at, mark)) {
    at = word(at + sizeof mark - 1, name, sizeof name);
    const char *end = strstr(at, "\n}");
    if (strncmp(at, " {", 2) == 0 && strstr(name, "_options") != NULL) {
      CHECK(end != NULL);
      expect_texts(name, at, end);
      ++structs;
    }
  }
  CHECK(functions > 100 && structs == 4);
  for (size_t row = 0; row < ROWS; ++row) {
    CHECK_INT(seen[row], 1);
  }
}

static void text_is_utf8(void) {
  static const char *const bad[] = {"ab\xff", "\xc3", "\xed\xa0\x80", "\xc0\xaf"};
  for (size_t row = 0; row < ROWS; ++row) {
    for (size_t i = 0; i < sizeof bad / sizeof *bad && !is_file(row); ++i) {
      ltx_error *err = NULL;
      const ltx_status status = table[row].call(bad[i], &err);
      if (status != LTX_INVALID_ARGUMENT || strstr(ltx_error_message(err), "UTF-8") == NULL || strstr(ltx_error_message(err), table[row].name) == NULL) {
        fprintf(stderr, "%s, %s, text %zu: %s: %s\n", table[row].of, table[row].name, i, ltx_status_name(status), ltx_error_message(err));
        exit(1);
      }
      ltx_error_free(err);
      CHECK(no_job == NULL && no_request == NULL);
    }
  }
  /* A name of a file is none of that, and is only wrong when it is empty. */
  for (size_t row = 0; row < ROWS; ++row) {
    if (is_file(row)) {
      CHECK_STATUS(table[row].call("", NULL), LTX_INVALID_ARGUMENT, NULL);
      char path[512];
      snprintf(path, sizeof path, "%s/\xff", dest);
      CHECK_OK(table[row].call(path, NULL), NULL);
    }
  }
}

static ltx_status with_archive(int32_t number) {
  ltx_op *op = NULL;
  ltx_download_options options = download_with(NULL, NULL);
  options.archive = number;
  const ltx_status status = ltx_result_download(result, dest, &options, NULL, &op, NULL);
  return released(status, op);
}

static ltx_status with_verify(int32_t number) {
  ltx_op *op = NULL;
  ltx_download_options options = download_with(NULL, NULL);
  options.verify = number;
  const ltx_status status = ltx_result_download(result, dest, &options, NULL, &op, NULL);
  return released(status, op);
}

static ltx_status with_level(int32_t number) { return ltx_log_set(number, NULL, NULL, NULL, NULL); }
static ltx_status with_on_unknown(int32_t number) { return ltx_request_set_on_unknown(request, number, NULL); }

static void numbers_are_of_their_enumeration(void) {
  static const struct {
    ltx_status (*call)(int32_t);
    int32_t last;
  } enumerations[] = {
      {with_archive, LTX_ARCHIVE_BOTH}, {with_verify, LTX_VERIFY_OFF}, {with_level, LTX_LOG_TRACE}, {with_on_unknown, LTX_ON_UNKNOWN_ACCEPT_DOUBLE_CHARGE},
  };
  for (size_t i = 0; i < sizeof enumerations / sizeof *enumerations; ++i) {
    const int32_t wrong[] = {-1, enumerations[i].last + 1, 1000, INT32_MIN, INT32_MAX};
    for (size_t w = 0; w < sizeof wrong / sizeof *wrong; ++w) {
      CHECK_STATUS(enumerations[i].call(wrong[w]), LTX_INVALID_ARGUMENT, NULL);
    }
    for (int32_t number = 0; number <= enumerations[i].last; ++number) {
      CHECK_OK(enumerations[i].call(number), NULL);
    }
  }
  /* These name numbers, also those of later versions. */
  CHECK_TEXT(ltx_billing_name(INT32_MAX), "unknown");
  CHECK_TEXT(ltx_billing_name(-1), "unknown");
  CHECK_TEXT(ltx_status_name(INT32_MIN), "Unknown");
  CHECK_TEXT(ltx_status_name(4), "Unknown");
}

static void values_that_cannot_be_meant_are_told(void) {
  ltx_error *err = NULL;
  ltx_request *none = NULL;
  CHECK_STATUS(ltx_request_new("../admin", &none, NULL), LTX_INVALID_REQUEST, NULL);
  CHECK_STATUS(ltx_request_set_string(request, "prompt", NULL, NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK_STATUS(ltx_request_set_json(request, "prompt", "{", NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK_STATUS(ltx_request_set_double(request, "strength", (double)INFINITY, NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK_STATUS(ltx_request_set_timeout_ms(request, 0, NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK_STATUS(ltx_request_set_media_bytes(request, "video_uri", NULL, 5, NULL), LTX_INVALID_ARGUMENT, NULL);
  /* An amount that is none is refused, an empty one too; NULL is no limit. */
  static const char *const amounts[] = {"", "-1", "2,50", "$2", "1e3", "NaN", "0.0000001"};
  for (size_t i = 0; i < sizeof amounts / sizeof *amounts; ++i) {
    CHECK_STATUS(ltx_request_set_max_cost(request, amounts[i], NULL), LTX_INVALID_REQUEST, NULL);
  }
  CHECK_OK(ltx_request_set_max_cost(request, "2.50", &err), err);
  CHECK_OK(ltx_request_set_max_cost(request, NULL, &err), err);
  CHECK_OK(ltx_request_set_json(request, "anything", "[1, {\"a\": null}]", &err), err);
  CHECK_OK(ltx_request_set_once(request, NULL, &err), err);
  CHECK_STATUS(ltx_config_set(config, "pol_interval", "5", &err), LTX_CONFIG, err);
  CHECK(strstr(ltx_error_message(err), "poll_interval") != NULL);
  ltx_error_free(err);
  CHECK_STATUS(ltx_config_set(config, "poll_interval", "soon", NULL), LTX_CONFIG, NULL);

  ltx_job *job = NULL;
  CHECK_STATUS(ltx_client_job(client, "no reference", &job, NULL), LTX_INVALID_REQUEST, NULL);
  CHECK_STATUS(ltx_client_job(client, "intent:unheard-of", &job, NULL), LTX_NOT_FOUND, NULL);
  CHECK_STATUS(ltx_client_set_api_key(client, "  ", NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK(job == NULL);
  ltx_op *op = NULL;
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
  CHECK_STATUS(ltx_client_event_handle((ltx_client *)(void *)request, &handle, NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK_INT(handle, -1);

  /* Structs say how long they are, and numbers in them are looked at. */
  ltx_frames_options opening = opened_with(NULL, NULL);
  opening.size = sizeof opening - 1;
  CHECK_STATUS(ltx_result_frames(result, &opening, NULL, &op, &err), LTX_INVALID_ARGUMENT, err);
  CHECK(strstr(ltx_error_message(err), "sizeof(ltx_frames_options)") != NULL);
  ltx_error_free(err);
  ltx_extract_options extract = {0};
  CHECK_STATUS(ltx_frames_extract(frames, dest, &extract, NULL, &op, NULL), LTX_INVALID_ARGUMENT, NULL);
  extract.size = sizeof extract;
  extract.has_first_frame = 1;
  extract.first_frame = -1;
  CHECK_STATUS(ltx_frames_extract(frames, dest, &extract, NULL, &op, NULL), LTX_INVALID_ARGUMENT, NULL);
  extract.has_first_frame = 0;
  extract.connections = -1;
  CHECK_STATUS(ltx_frames_extract(frames, dest, &extract, NULL, &op, NULL), LTX_INVALID_ARGUMENT, NULL);
  ltx_stream_options streaming = {0};
  ltx_frame_stream *stream = NULL;
  CHECK_STATUS(ltx_frames_stream(frames, &streaming, &stream, NULL), LTX_INVALID_ARGUMENT, NULL);
  streaming.size = sizeof streaming;
  streaming.connections = -1;
  CHECK_STATUS(ltx_frames_stream(frames, &streaming, &stream, NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK(op == NULL && stream == NULL);
  CHECK_OK(ltx_frames_stream(frames, NULL, &stream, &err), err);
  ltx_op_info info;
  info.size = 3;
  CHECK_STATUS(ltx_frame_stream_snapshot(stream, &info, NULL), LTX_INVALID_ARGUMENT, NULL);
  CHECK_STATUS(ltx_frame_stream_next(stream, -1, NULL, NULL, NULL), LTX_INVALID_ARGUMENT, NULL);
  ltx_frame_stream_release(stream);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  alarm(300);
  the_tables_have_every_text_of_the_header(argv[1]);
  emulator service;
  emulator_start(&service, "{}");
  client = emulator_client(&service);
  result = emulator_result(client);
  frames = emulator_frames(result, NULL);
  dest = emulator_directory();
  config = ltx_config_new();
  CHECK_OK(ltx_request_new("retake", &request, NULL), NULL);
  text_is_utf8();
  numbers_are_of_their_enumeration();
  values_that_cannot_be_meant_are_told();
  ltx_request_free(request);
  ltx_config_free(config);
  ltx_frames_free(frames);
  ltx_result_free(result);
  ltx_client_release(client);
  emulator_stop(&service);
  free(dest);
  return 0;
}
