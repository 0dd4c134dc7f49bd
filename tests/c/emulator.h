/* Starts the emulator of the service as a child (environment LTX_JOBS_COMMAND: path of the command) and asks its control origin. POSIX. */
#ifndef LTX_TEST_EMULATOR_H
#define LTX_TEST_EMULATOR_H

#include <sys/types.h>

#include "ltx_jobs.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  pid_t pid;
  /* The child ends when this end of its standard input is closed. */
  int stdin_end;
  char api_url[128];
  char control_url[128];
  char api_key[128];
} emulator;

/* Starts it with a programme, a JSON object ("{}" for the defaults). Ends the test when that fails. */
void emulator_start(emulator *to, const char *programme);
void emulator_stop(emulator *from);
/* How many requests of this kind were read whole. */
long emulator_count(const emulator *from, const char *method, const char *path);
/* From now on it does this, a JSON object or a list of them as in a programme. */
void emulator_fault(const emulator *at, const char *fault);
/* Moves its clock, by which jobs end that were told to end so. */
void emulator_advance(const emulator *at, long ms);
/* A client for it with quick polling. */
ltx_client *emulator_client(const emulator *from);
/* The clip tests upload: environment LTX_JOBS_CLIP. */
const char *emulator_clip(void);
/* The path of a file that users give: environment LTX_JOBS_MEDIA. */
void emulator_media(char *path, size_t size, const char *name);
/* An HDR request for that clip. */
ltx_request *emulator_request(void);
/* The result of a job that was submitted with it and waited for. */
ltx_result *emulator_result(ltx_client *client);
/* The frames of a result; `spool` may be NULL. */
ltx_frames *emulator_frames(const ltx_result *result, const char *spool);
/* A new empty directory for results; the caller frees the text. */
char *emulator_directory(void);

#ifdef __cplusplus
}
#endif

#endif
