/* CHECK macros: the first thing that is not so ends the program, saying where and what was seen. */
#ifndef LTX_TEST_CHECK_H
#define LTX_TEST_CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ltx_jobs.h"

#define CHECK(fact)                                                                                                                        \
  do {                                                                                                                                     \
    if (!(fact)) {                                                                                                                         \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #fact);                                                                   \
      exit(1);                                                                                                                             \
    }                                                                                                                                      \
  } while (0)

#define CHECK_INT(seen, wanted)                                                                                                            \
  do {                                                                                                                                     \
    const long long seen_ = (long long)(seen), wanted_ = (long long)(wanted);                                                              \
    if (seen_ != wanted_) {                                                                                                                \
      fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #seen, seen_, wanted_);                                         \
      exit(1);                                                                                                                             \
    }                                                                                                                                      \
  } while (0)

#define CHECK_TEXT(seen, wanted)                                                                                                           \
  do {                                                                                                                                     \
    const char *seen_ = (seen), *wanted_ = (wanted);                                                                                       \
    if (seen_ == NULL || strcmp(seen_, wanted_) != 0) {                                                                                    \
      fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, #seen, seen_ == NULL ? "(NULL)" : seen_, wanted_);          \
      exit(1);                                                                                                                             \
    }                                                                                                                                      \
  } while (0)

/* The status of a call and, when it is another, the error's text. */
#define CHECK_STATUS(call, wanted, err)                                                                                                    \
  do {                                                                                                                                     \
    const ltx_status seen_ = (call), wanted_ = (wanted);                                                                                   \
    if (seen_ != wanted_) {                                                                                                                \
      fprintf(stderr, "%s:%d: %s is %s, not %s: %s\n", __FILE__, __LINE__, #call, ltx_status_name(seen_), ltx_status_name(wanted_),        \
              ltx_error_message(err));                                                                                                     \
      exit(1);                                                                                                                             \
    }                                                                                                                                      \
  } while (0)

#define CHECK_OK(call, err) CHECK_STATUS(call, LTX_OK, err)

#endif
