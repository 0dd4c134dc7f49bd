/*
 * Two copies of the library in one process, as when a host and its plug-in each bring their own: they share a journal and pay for nothing twice.
 *
 *   copies LIBRARY
 *
 * This program is linked with the library; a copy of its file under another name is loaded beside it.
 */
#define _XOPEN_SOURCE 700
#include <dlfcn.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "emulator.h"

#define SUBMITS "/v2/video-to-video-hdr"

#define FUNCTIONS(F)                                                                                                                       \
  F(ltx_config_new)                                                                                                                        \
  F(ltx_config_set)                                                                                                                        \
  F(ltx_config_free)                                                                                                                       \
  F(ltx_client_new)                                                                                                                        \
  F(ltx_client_submit)                                                                                                                     \
  F(ltx_client_job)                                                                                                                        \
  F(ltx_client_close)                                                                                                                      \
  F(ltx_client_release)                                                                                                                    \
  F(ltx_request_new)                                                                                                                       \
  F(ltx_request_set_media_url)                                                                                                             \
  F(ltx_request_set_once)                                                                                                                  \
  F(ltx_request_free)                                                                                                                      \
  F(ltx_op_wait)                                                                                                                           \
  F(ltx_op_take_job)                                                                                                                       \
  F(ltx_op_ref_string)                                                                                                                     \
  F(ltx_op_release)                                                                                                                        \
  F(ltx_job_ref_string)                                                                                                                    \
  F(ltx_job_release)

/* One copy: its functions, and a client of it. */
typedef struct {
#define FIELD(name) __typeof__(&name) name;
  FUNCTIONS(FIELD)
#undef FIELD
  ltx_client *client;
} copy;

static void linked(copy *to) {
#define TAKE(name) to->name = &name;
  FUNCTIONS(TAKE)
#undef TAKE
}

static void loaded(copy *to, const char *path) {
  void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (module == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
  }
  void *found = NULL;
  /* ISO C knows no conversion from an object pointer to a function pointer; POSIX asks for this one. */
#define FIND(name)                                                                                                                         \
  found = dlsym(module, #name);                                                                                                            \
  CHECK(found != NULL);                                                                                                                    \
  memcpy(&to->name, &found, sizeof found);
  FUNCTIONS(FIND)
#undef FIND
}

static void copy_file(const char *from, const char *to) {
  FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
  CHECK(in != NULL && out != NULL);
  static char piece[1 << 20];
  for (size_t got; (got = fread(piece, 1, sizeof piece, in)) > 0;) {
    CHECK(fwrite(piece, 1, got, out) == got);
  }
  CHECK(fclose(out) == 0);
  fclose(in);
}

static void open_client(copy *of, const emulator *service, const char *journal) {
  const char *settings[][2] = {
      {"api_key", service->api_key}, {"base_url", service->api_url}, {"journal", journal}, {"poll_interval", "20ms"},
  };
  ltx_config *config = of->ltx_config_new();
  for (size_t i = 0; i < sizeof settings / sizeof *settings; ++i) {
    CHECK_INT(of->ltx_config_set(config, settings[i][0], settings[i][1], NULL), LTX_OK);
  }
  CHECK_INT(of->ltx_client_new(config, &of->client, NULL), LTX_OK);
  of->ltx_config_free(config);
}

static void close_client(copy *of) {
  CHECK_INT(of->ltx_client_close(of->client, 0, NULL), LTX_OK);
  of->ltx_client_release(of->client);
}

static ltx_op *begin(copy *of, const char *once) {
  ltx_op *op = NULL;
  ltx_request *request = NULL;
  CHECK_INT(of->ltx_request_new("video-to-video-hdr", &request, NULL), LTX_OK);
  CHECK_INT(of->ltx_request_set_media_url(request, "video_uri", "https://cdn.example.com/input.mp4", NULL), LTX_OK);
  CHECK_INT(of->ltx_request_set_once(request, once, NULL), LTX_OK);
  CHECK_INT(of->ltx_client_submit(of->client, request, NULL, &op, NULL), LTX_OK);
  of->ltx_request_free(request);
  return op;
}

/* The end of a submit; where it became a job, its reference is kept. */
static ltx_status end(copy *of, ltx_op *op, char reference[256]) {
  const ltx_status status = of->ltx_op_wait(op, 20000, NULL);
  if (status == LTX_OK) {
    ltx_job *job = NULL;
    CHECK_INT(of->ltx_op_take_job(op, &job, NULL), LTX_OK);
    snprintf(reference, 256, "%s", of->ltx_job_ref_string(job));
    of->ltx_job_release(job);
  }
  of->ltx_op_release(op);
  return status;
}

static void a_key_of_one_copy_holds_in_the_other(copy *one, copy *other) {
  emulator service;
  emulator_start(&service, "{}");
  char *journal = emulator_directory();
  open_client(one, &service, journal);
  open_client(other, &service, journal);
  char first[256] = {0}, second[256] = {0};
  CHECK_INT(end(one, begin(one, "sh010"), first), LTX_OK);
  CHECK_INT(end(other, begin(other, "sh010"), second), LTX_OK);
  CHECK_TEXT(second, first);
  CHECK_INT(emulator_count(&service, "POST", SUBMITS), 1);

  /* Both at the same moment: at most one goes on, and whoever tries again finds its job. */
  for (int round = 1; round <= 10; ++round) {
    char key[32];
    snprintf(key, sizeof key, "race %d", round);
    ltx_op *here = begin(one, key), *there = begin(other, key);
    const ltx_status status_here = end(one, here, first), status_there = end(other, there, second);
    CHECK(status_here == LTX_OK || status_here == LTX_INVALID_STATE);
    CHECK(status_there == LTX_OK || status_there == LTX_INVALID_STATE);
    CHECK(emulator_count(&service, "POST", SUBMITS) <= round + 1);
    CHECK_INT(end(one, begin(one, key), first), LTX_OK);
    CHECK_INT(end(other, begin(other, key), second), LTX_OK);
    CHECK_TEXT(second, first);
    CHECK_INT(emulator_count(&service, "POST", SUBMITS), round + 1);
  }
  close_client(one);
  close_client(other);
  free(journal);
  emulator_stop(&service);
}

static void a_submit_on_its_way_in_one_copy_is_not_taken_for_a_dead_one_by_the_other(copy *one, copy *other) {
  emulator service;
  emulator_start(&service, "{\"fault\":[{\"route\":\"submit\",\"do\":\"read_and_never_answer\"}]}");
  char *journal = emulator_directory();
  open_client(one, &service, journal);
  open_client(other, &service, journal);
  ltx_op *op = begin(one, "sh010");
  const struct timespec moment = {0, 1000000};
  while (emulator_count(&service, "POST", SUBMITS) == 0) {
    nanosleep(&moment, NULL);
  }
  ltx_job *job = NULL;
  CHECK_INT(other->ltx_client_job(other->client, one->ltx_op_ref_string(op), &job, NULL), LTX_INVALID_STATE);
  char reference[256];
  CHECK_INT(end(other, begin(other, "sh010"), reference), LTX_INVALID_STATE);
  CHECK_INT(emulator_count(&service, "POST", SUBMITS), 1);

  /* When the one gives up, nobody can tell any more. */
  close_client(one);
  one->ltx_op_release(op);
  CHECK_INT(end(other, begin(other, "sh010"), reference), LTX_SUBMIT_UNKNOWN);
  CHECK_INT(emulator_count(&service, "POST", SUBMITS), 1);
  close_client(other);
  free(journal);
  emulator_stop(&service);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  char *folder = emulator_directory();
  char path[512];
  snprintf(path, sizeof path, "%s/libbrought_along.so", folder);
  copy_file(argv[1], path);
  static copy one, other;
  linked(&one);
  loaded(&other, path);
  CHECK(one.ltx_client_new != other.ltx_client_new);
  unlink(path);
  a_key_of_one_copy_holds_in_the_other(&one, &other);
  a_submit_on_its_way_in_one_copy_is_not_taken_for_a_dead_one_by_the_other(&other, &one);
  rmdir(folder);
  free(folder);
  return 0;
}
