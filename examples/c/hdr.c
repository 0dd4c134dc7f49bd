/*
 * Turns a clip into HDR frames: submits it, waits, saves the EXR frames and the preview.
 *
 *   hdr CLIP DIRECTORY
 *
 * The key comes from the environment (LTXV_API_KEY), as does every other setting (LTX_BASE_URL, ...). A successful job is billed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ltx_jobs.h"

/* Says what went wrong, what it means for the bill, and what to do next. */
static int failed(const char *doing, ltx_status status, ltx_error *err) {
  fprintf(stderr, "%s: %s: %s\n", doing, ltx_status_name(status), ltx_error_message(err));
  ltx_error_free(err);
  return EXIT_FAILURE;
}

/* Waits for the end and shows how far it is; the job goes on at the service whatever happens here. */
static ltx_status wait_and_show(const char *doing, ltx_op *op, ltx_error **err) {
  ltx_status status;
  while ((status = ltx_op_wait(op, 1000, err)) == LTX_PENDING) {
    ltx_op_info info;
    info.size = sizeof info;
    if (ltx_op_snapshot(op, &info, NULL) == LTX_OK) {
      fprintf(stderr, "%s: %" PRId64 " s %s, %" PRId64 " bytes\n", doing, info.elapsed_ms / 1000, info.status_word, info.bytes_done);
    }
  }
  return status;
}

static int run(ltx_client *client, const char *clip, const char *directory) {
  ltx_error *err = NULL;
  ltx_request *request = NULL;
  ltx_op *op = NULL;
  ltx_job *job = NULL;
  ltx_result *result = NULL;
  ltx_saved *saved = NULL;
  const char *doing = "request";
  ltx_status status = ltx_request_new("video-to-video-hdr", &request, &err);
  if (status == LTX_OK) {
    status = ltx_request_set_media_file(request, "video_uri", clip, &err);
  }
  if (status == LTX_OK) {
    status = ltx_request_set_string(request, "output_colorspace", "acescg", &err);
  }
  if (status == LTX_OK) {
    /* One job for this key, however often it is submitted. */
    status = ltx_request_set_once(request, clip, &err);
  }
  if (status == LTX_OK) {
    doing = "submit";
    status = ltx_client_submit(client, request, NULL, &op, &err);
  }
  if (status == LTX_OK) {
    status = wait_and_show(doing, op, &err);
  }
  if (status == LTX_OK) {
    status = ltx_op_take_job(op, &job, &err);
  }
  if (status == LTX_OK) {
    printf("job %s\n", ltx_job_ref_string(job));
    ltx_op_release(op);
    op = NULL;
    doing = "wait";
    status = ltx_job_wait(job, NULL, &op, &err);
  }
  if (status == LTX_OK) {
    status = wait_and_show(doing, op, &err);
  }
  if (status == LTX_OK) {
    status = ltx_op_take_result(op, &result, &err);
  }
  if (status == LTX_OK) {
    ltx_op_release(op);
    op = NULL;
    doing = "download";
    status = ltx_result_download(result, directory, NULL, NULL, &op, &err);
  }
  if (status == LTX_OK) {
    status = wait_and_show(doing, op, &err);
  }
  if (status == LTX_OK) {
    status = ltx_op_take_saved(op, &saved, &err);
  }
  if (status == LTX_OK) {
    for (size_t index = 0; index < ltx_saved_count(saved); ++index) {
      printf("%s\n", ltx_saved_path(saved, index));
    }
    printf("%" PRIu64 " bytes\n", ltx_saved_bytes(saved));
  }
  ltx_saved_free(saved);
  ltx_result_free(result);
  ltx_op_release(op);
  ltx_job_release(job);
  ltx_request_free(request);
  return status == LTX_OK ? EXIT_SUCCESS : failed(doing, status, err);
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: hdr CLIP DIRECTORY\n");
    return EXIT_FAILURE;
  }
  ltx_error *err = NULL;
  ltx_client *client = NULL;
  const ltx_status status = ltx_client_new(NULL, &client, &err);
  if (status != LTX_OK) {
    return failed("client", status, err);
  }
  const int code = run(client, argv[1], argv[2]);
  ltx_client_release(client);
  return code;
}
