/*
 * What a plug-in does inside its host, for tests/c/guest.c: from making clients to letting them go, in the ways a host may bring about. Built twice, with the
 * shared and with the static library.
 */
#include <stddef.h>

#include "guest_plugin.h"
#include "ltx_jobs.h"

static ltx_client *client_for(const char *base_url) {
  const char *settings[][2] = {
      {"api_key", "some-key"}, {"base_url", base_url}, {"journal", "memory"}, {"connect_timeout", "30s"},
  };
  ltx_client *client = NULL;
  ltx_config *config = ltx_config_new();
  for (size_t i = 0; i < sizeof settings / sizeof *settings; ++i) {
    if (ltx_config_set(config, settings[i][0], settings[i][1], NULL) != LTX_OK) {
      ltx_config_free(config);
      return NULL;
    }
  }
  ltx_client_new(config, &client, NULL);
  ltx_config_free(config);
  return client;
}

int guest_plugin_run(const char *base_url, int way, void (*under_way)(void), int *left_behind) {
  ltx_op *ops[6];
  size_t count = 0;
  ltx_job *job = NULL;
  ltx_request *request = NULL;
  ltx_client *client = client_for(base_url);
  if (client == NULL) {
    return LTX_CONFIG;
  }
  if (ltx_request_new("text-to-video", &request, NULL) != LTX_OK) {
    return LTX_INVALID_REQUEST;
  }
  ltx_request_set_string(request, "prompt", "a lighthouse", NULL);
  ltx_request_set_string(request, "model", "ltx-2-3-pro", NULL);
  ltx_request_set_string(request, "resolution", "1920x1080", NULL);
  ltx_request_set_int(request, "duration", 6, NULL);
  ltx_status status = LTX_OK;
  if (way == GUEST_COMPLETES) {
    /* A check that ends before the client goes. */
    status = ltx_client_check(client, NULL, &ops[count], NULL);
    if (status == LTX_OK) {
      status = ltx_op_wait(ops[count++], 30000, NULL);
    }
  } else {
    /* Everything that can be pending: checks, submits, waits, a transfer; nothing of it is waited for. */
    for (int i = 0; i < 2 && status == LTX_OK; ++i) {
      status = ltx_client_check(client, NULL, &ops[count], NULL);
      count += status == LTX_OK;
      if (status == LTX_OK) {
        status = ltx_client_submit(client, request, NULL, &ops[count], NULL);
        count += status == LTX_OK;
      }
    }
    if (status == LTX_OK) {
      status = ltx_client_job(client, "text-to-video/some-id", &job, NULL);
    }
    if (status == LTX_OK) {
      status = ltx_job_wait(job, NULL, &ops[count], NULL);
      count += status == LTX_OK;
    }
    if (status == LTX_OK) {
      under_way();
    }
  }
  *left_behind = ltx_client_close(client, 100, NULL) == LTX_PENDING;
  for (size_t i = 0; i < count; ++i) {
    ltx_op_release(ops[i]);
  }
  ltx_job_release(job);
  ltx_request_free(request);
  ltx_client_release(client);
  return (int)status;
}
