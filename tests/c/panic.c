/*
 * A panic inside the library becomes a status, and the host lives on and hears nothing on its standard error.
 *
 *   panic LIBRARY
 *
 * LIBRARY is built with the feature `test-panics`.
 */
#define _XOPEN_SOURCE 700
#include <dlfcn.h>
#include <unistd.h>

#include "check.h"

int main(int argc, char **argv) {
  CHECK(argc == 2);
  void *module = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  CHECK(module != NULL);
  ltx_status (*panics)(ltx_error **);
  const char *(*message)(const ltx_error *);
  void (*release)(ltx_error *);
  void *found[] = {dlsym(module, "ltx_test_panic"), dlsym(module, "ltx_error_message"), dlsym(module, "ltx_error_free")};
  CHECK(found[0] != NULL && found[1] != NULL && found[2] != NULL);
  memcpy(&panics, &found[0], sizeof panics);
  memcpy(&message, &found[1], sizeof message);
  memcpy(&release, &found[2], sizeof release);
  /* Standard error goes into a pipe, to see that nothing comes. */
  int heard[2];
  const int stderr_before = dup(2);
  CHECK(pipe(heard) == 0 && dup2(heard[1], 2) == 2);
  close(heard[1]);
  ltx_error *err = NULL;
  const ltx_status status = panics(&err), without = panics(NULL);
  CHECK(dup2(stderr_before, 2) == 2);
  char text[64];
  CHECK_INT(read(heard[0], text, sizeof text), 0);
  CHECK_INT(status, LTX_INTERNAL);
  CHECK_INT(without, LTX_INTERNAL);
  CHECK(strstr(message(err), "on purpose") != NULL);
  release(err);
  return 0;
}
