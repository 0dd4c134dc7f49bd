/*
 * A program as a user writes it, to be linked in every way there is. Makes a client and lets it work: nobody listens there, and that is what it must hear.
 */
#include <stdio.h>
#include <string.h>

#include <ltx_jobs.h>

int main(void) {
  ltx_error *err = NULL;
  ltx_client *client = NULL;
  ltx_op *op = NULL;
  ltx_config *config = ltx_config_new();
  if (strcmp(ltx_version(), LTX_VERSION) != 0 || ltx_abi_version() != LTX_ABI_VERSION) {
    fprintf(stderr, "the header is of %s, the library of %s\n", LTX_VERSION, ltx_version());
    return 1;
  }
  if (ltx_config_set(config, "api_key", "some-key", &err) != LTX_OK || ltx_config_set(config, "base_url", "http://127.0.0.1:1", &err) != LTX_OK ||
      ltx_client_new(config, &client, &err) != LTX_OK || ltx_client_check(client, NULL, &op, &err) != LTX_OK) {
    fprintf(stderr, "%s\n", ltx_error_message(err));
    return 1;
  }
  ltx_config_free(config);
  const ltx_status status = ltx_op_wait(op, 30000, &err);
  ltx_op_release(op);
  ltx_client_release(client);
  if (status != LTX_CONNECT) {
    fprintf(stderr, "%s: %s\n", ltx_status_name(status), ltx_error_message(err));
    return 1;
  }
  ltx_error_free(err);
  puts(ltx_build_info());
  return 0;
}
