/* The entry point of the plug-in that tests/c/guest.c loads. */
#ifndef LTX_TEST_GUEST_PLUGIN_H
#define LTX_TEST_GUEST_PLUGIN_H

enum {
  /* One operation, waited for. */
  GUEST_COMPLETES = 0,
  /* Six operations, all pending when the client is closed. */
  GUEST_PENDING = 1
};

/* Makes a client, works, closes it; calls `under_way` when it began what is to be pending. Gives back a status; `left_behind`: whether threads had to be. */
__attribute__((visibility("default"))) int guest_plugin_run(const char *base_url, int way, void (*under_way)(void), int *left_behind);

#endif
