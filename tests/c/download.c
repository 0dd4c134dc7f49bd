/* What a download is told to do: bandwidth, somebody else's file waited for or not; and structs of an older header. */
#define _XOPEN_SOURCE 700
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "emulator.h"

static ltx_op *started(const ltx_result *result, const char *dest, const ltx_download_options *options) {
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  CHECK_OK(ltx_result_download(result, dest, options, NULL, &op, &err), err);
  return op;
}

static void a_program_of_an_older_header_is_understood(void) {
  emulator service;
  emulator_start(&service, "{}");
  ltx_client *client = emulator_client(&service);
  ltx_result *result = emulator_result(client);
  ltx_error *err = NULL;
  char *dest = emulator_directory();
  /* What lies behind the struct of then is not looked at. */
  ltx_download_options options = {0};
  options.size = offsetof(ltx_download_options, connections);
  options.connections = -7;
  ltx_op *op = started(result, dest, &options);
  CHECK_OK(ltx_op_wait(op, 60000, &err), err);
  ltx_op_info info;
  memset(&info, 'x', sizeof info);
  info.size = offsetof(ltx_op_info, waiting_for);
  CHECK_OK(ltx_op_snapshot(op, &info, &err), err);
  CHECK(info.frames_done == 3 && info.waiting_for[0] == 'x');
  ltx_op_release(op);

  options.size = sizeof options;
  CHECK_STATUS(ltx_result_download(result, dest, &options, NULL, &op, &err), LTX_INVALID_ARGUMENT, err);
  CHECK(strstr(ltx_error_message(err), "connections") != NULL);
  ltx_error_free(err);
  options.connections = 65;
  op = started(result, dest, &options);
  CHECK_STATUS(ltx_op_wait(op, 60000, NULL), LTX_INVALID_REQUEST, NULL);
  ltx_op_release(op);
  free(dest);
  ltx_result_free(result);
  ltx_client_release(client);
  emulator_stop(&service);
}

static void a_bandwidth_is_kept_to(void) {
  emulator service;
  emulator_start(&service, "{\"archive\":{\"frames\":8,\"compression\":\"none\",\"padding\":1000000},\"video\":{\"enabled\":false}}");
  ltx_client *client = emulator_client(&service);
  ltx_result *result = emulator_result(client);
  ltx_error *err = NULL;
  char *dest = emulator_directory();
  ltx_download_options options = {0};
  options.size = sizeof options;
  options.connections = 1;
  options.bandwidth = 100000;
  options.no_resume = 1;
  /* Eight megabytes at a tenth of one per second: it is on its way, and far from its end. */
  ltx_op *op = started(result, dest, &options);
  CHECK_STATUS(ltx_op_wait(op, 1000, &err), LTX_PENDING, err);
  ltx_op_info info;
  info.size = sizeof info;
  CHECK_OK(ltx_op_snapshot(op, &info, &err), err);
  CHECK(info.bytes_done < 2000000);
  CHECK_OK(ltx_op_cancel(op, &err), err);
  CHECK_STATUS(ltx_op_wait(op, 60000, NULL), LTX_CANCELLED, NULL);
  ltx_op_release(op);
  free(dest);
  ltx_result_free(result);
  ltx_client_release(client);
  emulator_stop(&service);
}

static void somebody_elses_file_is_waited_for_as_long_as_wanted(void) {
  emulator service;
  emulator_start(&service, "{\"archive\":{\"frames\":1}}");
  ltx_client *client = emulator_client(&service);
  ltx_result *result = emulator_result(client);
  ltx_error *err = NULL;
  char *dest = emulator_directory();
  const char *const only[] = {"video"};
  ltx_download_options options = {0};
  options.size = sizeof options;
  options.only = only;
  options.only_count = 1;
  /* The first one hangs in the middle of its file. */
  emulator_fault(&service, "{\"route\":\"download:video_url\",\"do\":\"stall\",\"at\":1000,\"times\":0}");
  ltx_op *holder = started(result, dest, &options);
  ltx_op_info info;
  info.size = sizeof info;
  const struct timespec moment = {0, 1000000};
  do {
    nanosleep(&moment, NULL);
    CHECK_OK(ltx_op_snapshot(holder, &info, &err), err);
    CHECK_INT(info.outcome, LTX_PENDING);
  } while (info.bytes_done == 0);
  CHECK_TEXT(info.waiting_for, "");

  options.has_lock_timeout = 1;
  ltx_op *op = started(result, dest, &options);
  CHECK_STATUS(ltx_op_wait(op, 60000, &err), LTX_LOCKED, err);
  char self[32];
  snprintf(self, sizeof self, "%ld", (long)getpid());
  CHECK(strstr(ltx_error_message(err), self) != NULL);
  ltx_error_free(err);
  ltx_op_release(op);

  options.lock_timeout_ms = -1;
  op = started(result, dest, &options);
  do {
    nanosleep(&moment, NULL);
    CHECK_OK(ltx_op_snapshot(op, &info, &err), err);
    CHECK_INT(info.outcome, LTX_PENDING);
  } while (info.waiting_for[0] == '\0');
  CHECK(strstr(info.waiting_for, self) != NULL);
  CHECK_OK(ltx_op_cancel(op, &err), err);
  CHECK_OK(ltx_op_cancel(holder, &err), err);
  CHECK_STATUS(ltx_op_wait(op, 60000, NULL), LTX_CANCELLED, NULL);
  CHECK_STATUS(ltx_op_wait(holder, 60000, NULL), LTX_CANCELLED, NULL);
  ltx_op_release(op);
  ltx_op_release(holder);
  free(dest);
  ltx_result_free(result);
  ltx_client_release(client);
  emulator_stop(&service);
}

int main(void) {
  alarm(300);
  a_program_of_an_older_header_is_understood();
  a_bandwidth_is_kept_to();
  somebody_elses_file_is_waited_for_as_long_as_wanted();
  return 0;
}
