/*
 * A plug-in of a host: shows one entry point and nothing else. What it does in there is what a plug-in does, from making a client to letting it go.
 */
#include <ltx_jobs.h>

#if defined(_WIN32)
#define ENTRY __declspec(dllexport)
#else
#define ENTRY __attribute__((visibility("default")))
#endif

ENTRY int example_plugin_run(const char *base_url, int pending);

/* Gives back the status of a check; with `pending`, lets the client go while another one still runs. */
int example_plugin_run(const char *base_url, int pending) {
  ltx_client *client = NULL;
  ltx_op *op = NULL;
  ltx_config *config = ltx_config_new();
  ltx_status status = ltx_config_set(config, "api_key", "some-key", NULL);
  if (status == LTX_OK) {
    status = ltx_config_set(config, "base_url", base_url, NULL);
  }
  if (status == LTX_OK) {
    status = ltx_config_set(config, "journal", "memory", NULL);
  }
  if (status == LTX_OK) {
    status = ltx_client_new(config, &client, NULL);
  }
  ltx_config_free(config);
  if (status == LTX_OK) {
    status = ltx_client_check(client, NULL, &op, NULL);
  }
  if (status == LTX_OK && !pending) {
    status = ltx_op_wait(op, 30000, NULL);
  }
  ltx_op_release(op);
  ltx_client_release(client);
  return (int)status;
}
