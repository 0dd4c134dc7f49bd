/* Frames as a C program handles them: opened as a list where they lie, read one by one, saved as files that can be used while others are on their way. */
#define _XOPEN_SOURCE 700
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "emulator.h"

static void a_moment(void) {
  const struct timespec moment = {0, 1000000};
  nanosleep(&moment, NULL);
}

/* The content of a file; the caller frees it. */
static char *content(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  CHECK(file != NULL && fseek(file, 0, SEEK_END) == 0);
  *size = (size_t)ftell(file);
  rewind(file);
  char *bytes = malloc(*size + 1);
  CHECK(bytes != NULL && fread(bytes, 1, *size, file) == *size);
  fclose(file);
  return bytes;
}

static ltx_saved *extracted(const ltx_frames *frames, const char *dest, const ltx_extract_options *options) {
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  ltx_saved *saved = NULL;
  CHECK_OK(ltx_frames_extract(frames, dest, options, NULL, &op, &err), err);
  CHECK_OK(ltx_op_wait(op, 60000, &err), err);
  CHECK_OK(ltx_op_take_saved(op, &saved, &err), err);
  ltx_op_release(op);
  return saved;
}

static void a_list_tells_of_its_frames_and_each_can_be_read(void) {
  emulator service;
  emulator_start(&service, "{\"archive\":{\"frames\":5,\"first_index\":1001,\"name\":\"sh010.{:04}.exr\"}}");
  ltx_client *client = emulator_client(&service);
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  ltx_buffer *buffer = NULL;
  ltx_result *result = emulator_result(client);
  const long before = emulator_count(&service, "GET", "*");
  ltx_frames *frames = emulator_frames(result, NULL);
  CHECK_INT(emulator_count(&service, "GET", "*") - before, 1);
  CHECK_TEXT(ltx_frames_label(frames), "exr_frames_url");
  CHECK_INT(ltx_frames_count(frames), 5);
  CHECK_TEXT(ltx_frames_name(frames, 0), "sh010.1001.exr");
  CHECK_INT(ltx_frames_number(frames, 4), 1005);
  CHECK(ltx_frames_size(frames, 0) > 1000);
  CHECK_INT(ltx_frames_find_number(frames, 1003), 2);
  CHECK(ltx_frames_find_number(frames, 3) == -1 && ltx_frames_find_number(frames, -1) == -1);
  CHECK(ltx_frames_name(frames, 5) == NULL && ltx_frames_number(frames, 5) == -1 && ltx_frames_size(frames, 5) == 0);

  CHECK_OK(ltx_frames_read(frames, 2, NULL, &op, &err), err);
  CHECK_OK(ltx_op_wait(op, 60000, &err), err);
  ltx_saved *wrong = NULL;
  CHECK_STATUS(ltx_op_take_saved(op, &wrong, &err), LTX_INVALID_STATE, err);
  CHECK(strstr(ltx_error_message(err), "gives a frame's bytes") != NULL);
  ltx_error_free(err);
  CHECK_OK(ltx_op_take_buffer(op, &buffer, &err), err);
  ltx_buffer *again = NULL;
  CHECK_STATUS(ltx_op_take_buffer(op, &again, NULL), LTX_INVALID_STATE, NULL);
  ltx_op_release(op);
  CHECK_INT(ltx_buffer_size(buffer), ltx_frames_size(frames, 2));
  char *dest = emulator_directory();
  ltx_saved *saved = extracted(frames, dest, NULL);
  CHECK_INT(ltx_saved_count(saved), 5);

  CHECK_OK(ltx_frames_read(frames, 5, NULL, &op, &err), err);
  CHECK_STATUS(ltx_op_wait(op, 60000, &err), LTX_INVALID_REQUEST, err);
  CHECK(strstr(ltx_error_message(err), "no frame 5") != NULL);
  ltx_error_free(err);
  ltx_op_release(op);

  /* Which output it is can be said. */
  ltx_frames_options options = {0};
  options.size = sizeof options;
  options.label = "video";
  CHECK_OK(ltx_result_frames(result, &options, NULL, &op, &err), err);
  CHECK_STATUS(ltx_op_wait(op, 60000, NULL), LTX_ARCHIVE, NULL);
  ltx_op_release(op);
  options.label = "nothing";
  CHECK_OK(ltx_result_frames(result, &options, NULL, &op, &err), err);
  CHECK_STATUS(ltx_op_wait(op, 60000, NULL), LTX_INVALID_REQUEST, NULL);
  ltx_op_release(op);

  /* The bytes outlive everything they came from, and are those of the file. */
  ltx_frames_free(frames);
  ltx_result_free(result);
  CHECK_OK(ltx_client_close(client, 20000, &err), err);
  ltx_client_release(client);
  emulator_stop(&service);
  size_t size = 0;
  char *file = content(ltx_saved_path(saved, 2), &size);
  CHECK(size == ltx_buffer_size(buffer) && memcmp(file, ltx_buffer_data(buffer), size) == 0);
  CHECK(memcmp(file, "\x76\x2f\x31\x01", 4) == 0);
  free(file);
  ltx_buffer_free(buffer);
  ltx_saved_free(saved);
  free(dest);
}

static void frames_are_saved_by_name_and_range_and_not_fetched_twice(void) {
  emulator service;
  emulator_start(&service, "{\"archive\":{\"frames\":6}}");
  ltx_client *client = emulator_client(&service);
  ltx_result *result = emulator_result(client);
  ltx_frames *frames = emulator_frames(result, NULL);
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  char *dest = emulator_directory();
  ltx_extract_options options = {0};
  options.size = sizeof options;
  options.from = 2;
  options.count = 3;
  options.frame_name = "sh010.{frame:04}.exr";
  options.has_first_frame = 1;
  options.first_frame = 1001;
  options.connections = 2;
  options.bandwidth = 100u * 1000 * 1000;
  ltx_saved *saved = extracted(frames, dest, &options);
  CHECK_INT(ltx_saved_count(saved), 3);
  char wanted[512];
  snprintf(wanted, sizeof wanted, "%s/sh010.1003.exr", dest);
  CHECK_TEXT(ltx_saved_path(saved, 0), wanted);
  ltx_saved_free(saved);

  const long before = emulator_count(&service, "GET", "*");
  CHECK_OK(ltx_frames_extract(frames, dest, &options, NULL, &op, &err), err);
  CHECK_OK(ltx_op_wait(op, 60000, &err), err);
  CHECK_INT(emulator_count(&service, "GET", "*") - before, 0);
  /* What was there is told in the end. */
  CHECK_TEXT(ltx_op_frame_path(op, 2), wanted);
  CHECK(ltx_op_frame_path(op, 4) != NULL && ltx_op_frame_path(op, 1) == NULL && ltx_op_frame_path(op, 5) == NULL);
  ltx_op_release(op);

  FILE *file = fopen(wanted, "wb");
  CHECK(file != NULL && fputs("mine", file) >= 0 && fclose(file) == 0);
  CHECK_OK(ltx_frames_extract(frames, dest, &options, NULL, &op, &err), err);
  CHECK_STATUS(ltx_op_wait(op, 60000, NULL), LTX_EXISTS, NULL);
  CHECK(ltx_op_frame_path(op, 2) == NULL);
  ltx_op_release(op);
  options.overwrite = 1;
  saved = extracted(frames, dest, &options);
  ltx_saved_free(saved);
  size_t size = 0;
  free(content(wanted, &size));
  CHECK_INT(size, ltx_frames_size(frames, 2));

  options.count = 100;
  CHECK_OK(ltx_frames_extract(frames, dest, &options, NULL, &op, &err), err);
  CHECK_STATUS(ltx_op_wait(op, 60000, NULL), LTX_INVALID_REQUEST, NULL);
  ltx_op_release(op);
  options.count = 0;
  options.connections = 65;
  CHECK_OK(ltx_frames_extract(frames, dest, &options, NULL, &op, &err), err);
  CHECK_STATUS(ltx_op_wait(op, 60000, NULL), LTX_INVALID_REQUEST, NULL);
  ltx_op_release(op);
  free(dest);
  ltx_frames_free(frames);
  ltx_result_free(result);
  ltx_client_release(client);
  emulator_stop(&service);
}

/* What a progress callback sees of the frames. */
typedef struct {
  size_t there;
  ltx_status waiting;
  ltx_frame_stream *stream;
} seen;

static int32_t looks(void *user_data, ltx_op *op, const ltx_op_info *info) {
  seen *at = user_data;
  size_t there = 0;
  while (ltx_op_frame_path(op, there) != NULL) {
    ++there;
  }
  CHECK(access(ltx_op_frame_path(op, 0) == NULL ? "/" : ltx_op_frame_path(op, 0), R_OK) == 0);
  CHECK(info->frames_total <= 0 || (int64_t)there <= info->frames_total);
  at->there = there;
  /* Waiting for a frame is waiting. */
  ltx_buffer *buffer = NULL;
  at->waiting = ltx_frame_stream_next(at->stream, 1000, NULL, &buffer, NULL);
  ltx_buffer_free(buffer);
  return 0;
}

static void a_frame_can_be_used_while_the_archive_is_still_arriving(void) {
  emulator service;
  emulator_start(&service, "{\"archive\":{\"frames\":12,\"compression\":\"none\",\"padding\":2000000}}");
  ltx_client *client = emulator_client(&service);
  ltx_result *result = emulator_result(client);
  ltx_frames *frames = emulator_frames(result, NULL);
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  char *dest = emulator_directory();
  /* The first answer comes whole, and has less than all of them; then nothing moves until somebody gives up. */
  emulator_fault(&service, "{\"route\":\"download:exr_frames_url\",\"do\":\"stall\",\"at\":1000,\"skip\":1,\"times\":0}");
  seen at = {0, LTX_OK, NULL};
  ltx_callbacks callbacks = LTX_CALLBACKS_INIT;
  callbacks.on_progress = looks;
  callbacks.user_data = &at;
  ltx_extract_options one = {0};
  one.size = sizeof one;
  one.connections = 1;
  CHECK_OK(ltx_frames_extract(frames, dest, &one, &callbacks, &op, &err), err);
  while (ltx_op_frame_path(op, 0) == NULL) {
    CHECK_STATUS(ltx_op_wait(op, 0, &err), LTX_PENDING, err);
    a_moment();
  }
  /* Of this one nothing comes. */
  CHECK_OK(ltx_frames_stream(frames, NULL, &at.stream, &err), err);
  while (at.there == 0) {
    const ltx_status status = ltx_client_dispatch(client, 60000, 0, NULL, &err);
    CHECK(status == LTX_OK || status == LTX_PENDING);
    CHECK_STATUS(ltx_op_wait(op, 0, &err), LTX_PENDING, err);
  }
  CHECK_INT(at.waiting, LTX_WOULD_DEADLOCK);
  size_t size = 0;
  char *file = content(ltx_op_frame_path(op, 0), &size);
  CHECK(size == ltx_frames_size(frames, 0) && memcmp(file, "\x76\x2f\x31\x01", 4) == 0);
  free(file);
  CHECK(ltx_op_frame_path(op, 11) == NULL);
  CHECK_OK(ltx_op_cancel(op, &err), err);
  CHECK_STATUS(ltx_op_wait(op, 60000, NULL), LTX_CANCELLED, NULL);
  CHECK(ltx_op_frame_path(op, 0) != NULL && ltx_op_frame_path(op, 11) == NULL);
  /* The text lives as long as the operation, whatever became of the rest. */
  ltx_frame_stream_release(at.stream);
  ltx_frames_free(frames);
  ltx_result_free(result);
  CHECK(ltx_client_close(client, 5000, &err) <= LTX_PENDING);
  CHECK(access(ltx_op_frame_path(op, 0), R_OK) == 0);
  ltx_op_release(op);
  ltx_client_release(client);
  emulator_stop(&service);
  free(dest);
}

static void a_damaged_frame_names_itself(void) {
  emulator service;
  emulator_start(&service, "{\"archive\":{\"frames\":5,\"compression\":\"none\",\"padding\":100000}}");
  ltx_client *client = emulator_client(&service);
  ltx_result *result = emulator_result(client);
  ltx_frames *frames = emulator_frames(result, NULL);
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  char *dest = emulator_directory(), fault[256];
  snprintf(fault, sizeof fault, "{\"route\":\"download:exr_frames_url\",\"do\":\"corrupt_byte\",\"at\":%llu,\"times\":0}",
           2 * (unsigned long long)ltx_frames_size(frames, 0) + 50000);
  emulator_fault(&service, fault);
  CHECK_OK(ltx_frames_read(frames, 2, NULL, &op, &err), err);
  CHECK_STATUS(ltx_op_wait(op, 60000, &err), LTX_INTEGRITY, err);
  CHECK(strstr(ltx_error_message(err), "frame_00003.exr") != NULL);
  CHECK_INT(ltx_error_billing(err), LTX_BILLING_JOB_EXISTS);
  ltx_error_free(err);
  ltx_op_release(op);

  CHECK_OK(ltx_frames_extract(frames, dest, NULL, NULL, &op, &err), err);
  CHECK_STATUS(ltx_op_wait(op, 60000, &err), LTX_INTEGRITY, err);
  CHECK(strstr(ltx_error_message(err), "frame_00003.exr") != NULL);
  ltx_error_free(err);
  for (size_t i = 0; i < 5; ++i) {
    CHECK((ltx_op_frame_path(op, i) == NULL) == (i == 2));
  }
  ltx_op_release(op);

  ltx_frame_stream *stream = NULL;
  ltx_buffer *buffer = NULL;
  size_t index = 7;
  CHECK_OK(ltx_frames_stream(frames, NULL, &stream, &err), err);
  for (size_t i = 0; i < 2; ++i) {
    CHECK_OK(ltx_frame_stream_next(stream, 60000, &index, &buffer, &err), err);
    CHECK_INT(index, i);
    ltx_buffer_free(buffer);
  }
  /* Told as often as it is asked. */
  for (int i = 0; i < 2; ++i) {
    CHECK_STATUS(ltx_frame_stream_next(stream, 60000, &index, &buffer, &err), LTX_INTEGRITY, err);
    CHECK(buffer == NULL && index == 0 && strstr(ltx_error_message(err), "frame_00003.exr") != NULL);
    ltx_error_free(err);
  }
  ltx_frame_stream_release(stream);
  /* What is behind it comes all the same. */
  ltx_stream_options options = {0};
  options.size = sizeof options;
  options.from = 3;
  CHECK_OK(ltx_frames_stream(frames, &options, &stream, &err), err);
  CHECK_OK(ltx_frame_stream_next(stream, 60000, &index, &buffer, &err), err);
  CHECK_INT(index, 3);
  ltx_buffer_free(buffer);
  ltx_frame_stream_release(stream);
  free(dest);
  ltx_frames_free(frames);
  ltx_result_free(result);
  ltx_client_release(client);
  emulator_stop(&service);
}

static void a_storage_without_ranges_needs_a_directory(void) {
  emulator service;
  emulator_start(&service, "{\"storage\":{\"ranges\":false}}");
  ltx_client *client = emulator_client(&service);
  ltx_result *result = emulator_result(client);
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  CHECK_OK(ltx_result_frames(result, NULL, NULL, &op, &err), err);
  CHECK_STATUS(ltx_op_wait(op, 60000, &err), LTX_UNSUPPORTED, err);
  CHECK(strstr(ltx_error_message(err), "spool") != NULL);
  ltx_error_free(err);
  ltx_op_release(op);

  char *spool = emulator_directory();
  ltx_frames *frames = emulator_frames(result, spool);
  const long before = emulator_count(&service, "GET", "*");
  CHECK_INT(ltx_frames_count(frames), 3);
  CHECK_OK(ltx_frames_read(frames, 2, NULL, &op, &err), err);
  ltx_frames_free(frames);
  ltx_buffer *buffer = NULL;
  CHECK_OK(ltx_op_wait(op, 60000, &err), err);
  CHECK_OK(ltx_op_take_buffer(op, &buffer, &err), err);
  CHECK(ltx_buffer_size(buffer) > 1000);
  ltx_buffer_free(buffer);
  ltx_op_release(op);
  CHECK_INT(emulator_count(&service, "GET", "*") - before, 0);
  /* The archive goes with the last that needed it, which may take a moment to end. */
  for (int left = 20000; rmdir(spool) != 0; --left) {
    CHECK(left > 0);
    a_moment();
  }
  free(spool);
  ltx_result_free(result);
  ltx_client_release(client);
  emulator_stop(&service);
}

int main(void) {
  alarm(300);
  a_list_tells_of_its_frames_and_each_can_be_read();
  frames_are_saved_by_name_and_range_and_not_fetched_twice();
  a_frame_can_be_used_while_the_archive_is_still_arriving();
  a_damaged_frame_names_itself();
  a_storage_without_ranges_needs_a_directory();
  return 0;
}
