/* Everything a C program can read from the library's objects, written out, for the conductor to look for secrets in. Not ltx_result_url(): that is where a signed
 * address may be had. */
#ifndef LTX_TEST_TOLD_H
#define LTX_TEST_TOLD_H

#include <stdio.h>

#include "ltx_jobs.h"

/* All of these take NULL. */
void tell_text(FILE *to, const char *name, const char *text);
void tell_error(FILE *to, const ltx_error *error);
void tell_job(FILE *to, const ltx_job *job);
void tell_op(FILE *to, const ltx_op *op);
void tell_result(FILE *to, const ltx_result *result);
void tell_frames(FILE *to, const ltx_frames *frames);
void tell_saved(FILE *to, const ltx_saved *saved);
void tell_submits(FILE *to, const ltx_submits *submits);
void tell_checked(FILE *to, const ltx_checked *checked);
/* What its journal knows. */
void tell_client(FILE *to, ltx_client *client);

#endif
