/* Loads a plug-in by its path, runs its entry point, unloads it: as a host does, which is linked with none of it. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
  void *module = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
  if (module == NULL) {
    fprintf(stderr, "%s\n", argc == 2 ? dlerror() : "usage: host PLUGIN");
    return 1;
  }
  int (*run)(const char *, int);
  void *found = dlsym(module, "example_plugin_run");
  if (found == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  memcpy(&run, &found, sizeof run);
  const int status = run("http://127.0.0.1:1", 0);
  dlclose(module);
  /* LTX_CONNECT: nobody listens there. */
  if (status != 131) {
    fprintf(stderr, "the plug-in said %d\n", status);
    return 1;
  }
  return 0;
}
