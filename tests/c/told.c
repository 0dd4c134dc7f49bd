/* See told.h. */
#include "told.h"

#include <inttypes.h>
#include <stddef.h>

void tell_text(FILE *to, const char *name, const char *text) { fprintf(to, "%s: %s\n", name, text == NULL ? "(none)" : text); }

void tell_error(FILE *to, const ltx_error *error) {
  ltx_error *copy = ltx_error_clone(error);
  const ltx_error *const both[] = {error, copy};
  for (size_t i = 0; i < 2; ++i) {
    tell_text(to, "message", ltx_error_message(both[i]));
    tell_text(to, "job_ref", ltx_error_job_ref(both[i]));
    tell_text(to, "request_id", ltx_error_request_id(both[i]));
    tell_text(to, "api_type", ltx_error_api_type(both[i]));
    tell_text(to, "api_message", ltx_error_api_message(both[i]));
    fprintf(to, "%d %d %d %d %d %" PRId64 "\n", (int)ltx_error_status(both[i]), (int)ltx_error_billing(both[i]), (int)ltx_error_http_status(both[i]),
            (int)ltx_error_is_retryable(both[i]), (int)ltx_error_job_ended(both[i]), ltx_error_retry_after_ms(both[i]));
  }
  ltx_error_free(copy);
}

void tell_job(FILE *to, const ltx_job *job) {
  ltx_job_info info;
  info.size = sizeof info;
  tell_text(to, "reference", ltx_job_ref_string(job));
  tell_text(to, "endpoint", ltx_job_endpoint(job));
  tell_text(to, "id", ltx_job_id(job));
  tell_text(to, "label", ltx_job_label(job));
  if (ltx_job_snapshot(job, &info, NULL) == LTX_OK) {
    tell_text(to, "status", info.status_word);
    fwrite(&info, sizeof info, 1, to);
  }
}

void tell_op(FILE *to, const ltx_op *op) {
  ltx_op_info info;
  info.size = sizeof info;
  tell_text(to, "operation", ltx_op_ref_string(op));
  if (ltx_op_snapshot(op, &info, NULL) == LTX_OK) {
    tell_text(to, "status", info.status_word);
    fwrite(&info, sizeof info, 1, to);
  }
}

void tell_result(FILE *to, const ltx_result *result) {
  for (size_t i = 0; i < ltx_result_count(result); ++i) {
    tell_text(to, "label", ltx_result_label(result, i));
  }
  fprintf(to, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", ltx_result_created_at(result), ltx_result_completed_at(result),
          ltx_result_job_expires_at(result), ltx_result_outputs_expire_at(result));
}

void tell_saved(FILE *to, const ltx_saved *saved) {
  for (size_t i = 0; i < ltx_saved_count(saved); ++i) {
    tell_text(to, "path", ltx_saved_path(saved, i));
  }
  fprintf(to, "%" PRIu64 " bytes\n", ltx_saved_bytes(saved));
}

void tell_frames(FILE *to, const ltx_frames *frames) {
  tell_text(to, "label", ltx_frames_label(frames));
  for (size_t i = 0; i < ltx_frames_count(frames); ++i) {
    tell_text(to, "frame", ltx_frames_name(frames, i));
    fprintf(to, "%" PRId64 " %" PRIu64 "\n", ltx_frames_number(frames, i), ltx_frames_size(frames, i));
  }
}

void tell_submits(FILE *to, const ltx_submits *submits) {
  for (size_t i = 0; i < ltx_submits_count(submits); ++i) {
    tell_text(to, "intent", ltx_submits_intent(submits, i));
    tell_text(to, "job", ltx_submits_job(submits, i));
    tell_text(to, "endpoint", ltx_submits_endpoint(submits, i));
    tell_text(to, "label", ltx_submits_label(submits, i));
    tell_text(to, "once", ltx_submits_once(submits, i));
    tell_text(to, "dest", ltx_submits_dest(submits, i));
    tell_text(to, "usd", ltx_submits_usd(submits, i));
    fprintf(to, "%" PRId64 " %d %d\n", ltx_submits_began_at(submits, i), (int)ltx_submits_fate(submits, i), (int)ltx_submits_ended(submits, i));
  }
}

void tell_checked(FILE *to, const ltx_checked *checked) {
  tell_text(to, "report", ltx_checked_text(checked));
  tell_text(to, "request_id", ltx_checked_request_id(checked));
  for (size_t i = 0; i < ltx_checked_count(checked); ++i) {
    tell_text(to, ltx_checked_what(checked, i), ltx_checked_detail(checked, i));
  }
  for (size_t i = 0; i < ltx_checked_setting_count(checked); ++i) {
    tell_text(to, ltx_checked_setting_key(checked, i), ltx_checked_setting_value(checked, i));
    tell_text(to, "origin", ltx_checked_setting_origin(checked, i));
  }
}

void tell_client(FILE *to, ltx_client *client) {
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  ltx_submits *submits = NULL;
  ltx_recovered *recovered = NULL;
  tell_text(to, "library", ltx_build_info());
  if (ltx_client_jobs(client, NULL, &op, &err) == LTX_OK && ltx_op_wait(op, -1, &err) == LTX_OK && ltx_op_take_submits(op, &submits, &err) == LTX_OK) {
    tell_submits(to, submits);
  }
  tell_error(to, err);
  ltx_error_free(err);
  ltx_submits_free(submits);
  ltx_op_release(op);
  op = NULL;
  err = NULL;
  if (ltx_client_recover(client, NULL, &op, &err) == LTX_OK && ltx_op_wait(op, -1, &err) == LTX_OK && ltx_op_take_recovered(op, &recovered, &err) == LTX_OK) {
    tell_submits(to, ltx_recovered_unknown(recovered));
    tell_submits(to, ltx_recovered_other_key(recovered));
    for (size_t i = 0; i < ltx_recovered_job_count(recovered); ++i) {
      ltx_job *job = NULL;
      if (ltx_recovered_job(recovered, i, &job, NULL) == LTX_OK) {
        tell_job(to, job);
      }
      ltx_job_release(job);
    }
  }
  tell_error(to, err);
  ltx_error_free(err);
  ltx_recovered_free(recovered);
  ltx_op_release(op);
}
