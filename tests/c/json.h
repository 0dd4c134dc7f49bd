/* A small JSON reader for the tests: one tree of nodes, freed at once. Every node knows its own text in the source. */
#ifndef LTX_TEST_JSON_H
#define LTX_TEST_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT } json_kind;

typedef struct json {
  json_kind kind;
  bool truth;
  double number;
  /* The text of a JSON_STRING, unescaped. */
  char *string;
  /* The name of this member in its object. */
  char *key;
  /* The node as it is written in the source. */
  char *source;
  struct json *child;
  struct json *next;
} json;

/* NULL when the text is no JSON. */
json *json_parse(const char *text);
void json_free(json *node);
/* The member of an object; NULL when it is missing or `node` is NULL. */
const json *json_member(const json *node, const char *key);
/* The text of a string; `otherwise` for anything else. */
const char *json_text(const json *node, const char *otherwise);
int64_t json_integer(const json *node, int64_t otherwise);
bool json_is_null(const json *node);
/* Writes a text with its quotes; NULL as null. */
void json_write_text(FILE *out, const char *text);

#ifdef __cplusplus
}
#endif

#endif
