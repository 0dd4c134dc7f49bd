/*
 * A plug-in is loaded, used and unloaded, again and again, from the main thread and from threads that end afterwards.
 *
 *   unload LIBRARY TIMES
 *
 * Linked to nothing: everything comes through dlsym, as in a host of plug-ins.
 */
#define _XOPEN_SOURCE 700
#include <dlfcn.h>
#include <pthread.h>

#include "check.h"
#include "threads.h"

static const char *library;

/* ISO C knows no conversion from an object pointer to a function pointer; POSIX asks for this one. */
#define FIND(from, name)                                                                                                                   \
  __typeof__(&name) name##_;                                                                                                               \
  do {                                                                                                                                     \
    void *found_ = dlsym(from, #name);                                                                                                     \
    CHECK(found_ != NULL);                                                                                                                 \
    memcpy(&name##_, &found_, sizeof found_);                                                                                              \
  } while (0)

static void *use_once(void *unused) {
  (void)unused;
  void *module = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (module == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
  }
  FIND(module, ltx_config_new);
  FIND(module, ltx_config_set);
  FIND(module, ltx_config_free);
  FIND(module, ltx_client_new);
  FIND(module, ltx_client_check);
  FIND(module, ltx_client_release);
  FIND(module, ltx_op_wait);
  FIND(module, ltx_op_release);
  ltx_config *config = ltx_config_new_();
  ltx_client *client = NULL;
  ltx_op *op = NULL;
  CHECK_INT(ltx_config_set_(config, "api_key", "some-key", NULL), LTX_OK);
  /* Nobody listens there. */
  CHECK_INT(ltx_config_set_(config, "base_url", "http://127.0.0.1:1", NULL), LTX_OK);
  CHECK_INT(ltx_client_new_(config, &client, NULL), LTX_OK);
  ltx_config_free_(config);
  CHECK_INT(ltx_client_check_(client, NULL, &op, NULL), LTX_OK);
  CHECK_INT(ltx_op_wait_(op, -1, NULL), LTX_CONNECT);
  ltx_op_release_(op);
  /* One that is still running when the client goes. */
  CHECK_INT(ltx_client_check_(client, NULL, &op, NULL), LTX_OK);
  ltx_op_release_(op);
  ltx_client_release_(client);
  CHECK_INT(dlclose(module), 0);
  return NULL;
}

int main(int argc, char **argv) {
  CHECK(argc == 3);
  library = argv[1];
  const int times = atoi(argv[2]);
  CHECK(times > 0);
  const int before = threads_now();
  for (int i = 0; i < times; ++i) {
    use_once(NULL);
    CHECK(threads_are(before));
    /* The thread ends after the library was closed: its thread-local destructors run then. */
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, use_once, NULL), 0);
    pthread_join(thread, NULL);
  }
  return 0;
}
