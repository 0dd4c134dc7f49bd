/* See json.h. */
#include "json.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  const char *at;
  bool broken;
} reader;

static json *value(reader *in);

static void blanks(reader *in) {
  while (*in->at == ' ' || *in->at == '\t' || *in->at == '\n' || *in->at == '\r') {
    ++in->at;
  }
}

static bool eat(reader *in, char c) {
  blanks(in);
  if (*in->at != c) {
    return false;
  }
  ++in->at;
  return true;
}

static char *copy(const char *from, size_t length) {
  char *made = malloc(length + 1);
  if (made != NULL) {
    memcpy(made, from, length);
    made[length] = '\0';
  }
  return made;
}

static unsigned hex4(reader *in) {
  unsigned code = 0;
  for (int i = 0; i < 4; ++i, ++in->at) {
    const char c = *in->at;
    unsigned digit;
    if (c >= '0' && c <= '9') {
      digit = (unsigned)(c - '0');
    } else if ((c | 32) >= 'a' && (c | 32) <= 'f') {
      digit = (unsigned)((c | 32) - 'a') + 10u;
    } else {
      in->broken = true;
      return 0;
    }
    code = code * 16 + digit;
  }
  return code;
}

static size_t utf8(unsigned code, char *out) {
  if (code < 0x80) {
    out[0] = (char)code;
    return 1;
  }
  if (code < 0x800) {
    out[0] = (char)(0xc0 | (code >> 6));
    out[1] = (char)(0x80 | (code & 0x3f));
    return 2;
  }
  if (code < 0x10000) {
    out[0] = (char)(0xe0 | (code >> 12));
    out[1] = (char)(0x80 | ((code >> 6) & 0x3f));
    out[2] = (char)(0x80 | (code & 0x3f));
    return 3;
  }
  out[0] = (char)(0xf0 | (code >> 18));
  out[1] = (char)(0x80 | ((code >> 12) & 0x3f));
  out[2] = (char)(0x80 | ((code >> 6) & 0x3f));
  out[3] = (char)(0x80 | (code & 0x3f));
  return 4;
}

static char *string(reader *in) {
  if (!eat(in, '"')) {
    in->broken = true;
    return NULL;
  }
  /* Unescaping never makes a text longer. */
  char *made = malloc(strlen(in->at) + 1);
  size_t length = 0;
  while (made != NULL && !in->broken && *in->at != '"') {
    if (*in->at == '\0') {
      in->broken = true;
    } else if (*in->at != '\\') {
      made[length++] = *in->at++;
    } else {
      const char escape = in->at[1];
      const char *known = escape == '\0' ? NULL : strchr("\"\"\\\\//b\bf\fn\nr\rt\t", escape);
      in->at += escape == '\0' ? 1 : 2;
      if (escape == 'u') {
        unsigned code = hex4(in);
        if (code >= 0xd800 && code < 0xdc00 && in->at[0] == '\\' && in->at[1] == 'u') {
          in->at += 2;
          code = 0x10000 + ((code - 0xd800) << 10) + (hex4(in) - 0xdc00);
        }
        length += utf8(code, made + length);
      } else if (known != NULL) {
        made[length++] = known[1];
      } else {
        in->broken = true;
      }
    }
  }
  if (made != NULL) {
    made[length] = '\0';
    in->at += in->broken ? 0 : 1;
  }
  return made;
}

static void members(reader *in, json *node, char end) {
  json **last = &node->child;
  if (eat(in, end)) {
    return;
  }
  do {
    char *key = NULL;
    if (node->kind == JSON_OBJECT) {
      blanks(in);
      key = string(in);
      in->broken = in->broken || !eat(in, ':');
    }
    json *child = in->broken ? NULL : value(in);
    if (child == NULL) {
      free(key);
      in->broken = true;
      return;
    }
    child->key = key;
    *last = child;
    last = &child->next;
  } while (eat(in, ','));
  in->broken = in->broken || !eat(in, end);
}

static bool word(reader *in, const char *text) {
  if (strncmp(in->at, text, strlen(text)) != 0) {
    return false;
  }
  in->at += strlen(text);
  return true;
}

static json *value(reader *in) {
  json *node = calloc(1, sizeof *node);
  if (node == NULL) {
    return NULL;
  }
  blanks(in);
  const char *begin = in->at;
  if (*begin == '"') {
    node->kind = JSON_STRING;
    node->string = string(in);
  } else if (eat(in, '{')) {
    node->kind = JSON_OBJECT;
    members(in, node, '}');
  } else if (eat(in, '[')) {
    node->kind = JSON_ARRAY;
    members(in, node, ']');
  } else if (word(in, "true") || word(in, "false")) {
    node->kind = JSON_BOOL;
    node->truth = *begin == 't';
  } else if (!word(in, "null")) {
    char *end = NULL;
    node->kind = JSON_NUMBER;
    node->number = strtod(begin, &end);
    in->broken = in->broken || end == begin;
    in->at = end;
  }
  node->source = copy(begin, (size_t)(in->at - begin));
  if (in->broken) {
    json_free(node);
    return NULL;
  }
  return node;
}

json *json_parse(const char *text) {
  reader in = {text, false};
  json *node = value(&in);
  blanks(&in);
  if (node != NULL && *in.at != '\0') {
    json_free(node);
    return NULL;
  }
  return node;
}

void json_free(json *node) {
  while (node != NULL) {
    json *next = node->next;
    json_free(node->child);
    free(node->string);
    free(node->key);
    free(node->source);
    free(node);
    node = next;
  }
}

const json *json_member(const json *node, const char *key) {
  for (const json *child = node == NULL ? NULL : node->child; child != NULL; child = child->next) {
    if (child->key != NULL && strcmp(child->key, key) == 0) {
      return child;
    }
  }
  return NULL;
}

const char *json_text(const json *node, const char *otherwise) {
  return node != NULL && node->kind == JSON_STRING ? node->string : otherwise;
}

int64_t json_integer(const json *node, int64_t otherwise) {
  return node != NULL && node->kind == JSON_NUMBER ? (int64_t)node->number : otherwise;
}

bool json_is_null(const json *node) { return node == NULL || node->kind == JSON_NULL; }

void json_write_text(FILE *out, const char *text) {
  if (text == NULL) {
    fputs("null", out);
    return;
  }
  fputc('"', out);
  for (; *text != '\0'; ++text) {
    const unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\') {
      fputc('\\', out);
      fputc(c, out);
    } else if (c < 0x20) {
      fprintf(out, "\\u%04x", c);
    } else {
      fputc(c, out);
    }
  }
  fputc('"', out);
}
