/* See emulator.h. */
#define _XOPEN_SOURCE 700
#include "emulator.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "json.h"

static const char *needed(const char *name) {
  const char *text = getenv(name);
  if (text == NULL || *text == '\0') {
    fprintf(stderr, "the environment variable %s is missing\n", name);
    exit(1);
  }
  return text;
}

static void keep(char *to, size_t size, const json *from, const char *key) {
  const char *text = json_text(json_member(from, key), NULL);
  CHECK(text != NULL && strlen(text) < size);
  strcpy(to, text);
}

void emulator_start(emulator *to, const char *programme) {
  const char *command = needed("LTX_JOBS_COMMAND");
  char file[] = "/tmp/ltx-programme-XXXXXX";
  const int programme_fd = mkstemp(file);
  CHECK(programme_fd >= 0);
  CHECK_INT(write(programme_fd, programme, strlen(programme)), strlen(programme));
  close(programme_fd);

  int in[2], out[2];
  CHECK(pipe(in) == 0 && pipe(out) == 0);
  to->pid = fork();
  CHECK(to->pid >= 0);
  if (to->pid == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    close(in[0]);
    close(in[1]);
    close(out[0]);
    close(out[1]);
    execl(command, command, "emulate", "--json", "--programme", file, (char *)NULL);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  to->stdin_end = in[1];

  char line[2048];
  size_t length = 0;
  while (length + 1 < sizeof line && read(out[0], line + length, 1) == 1 && line[length] != '\n') {
    ++length;
  }
  line[length] = '\0';
  close(out[0]);
  unlink(file);
  json *at = json_parse(line);
  if (at == NULL) {
    fprintf(stderr, "the emulator said \"%s\"\n", line);
    exit(1);
  }
  keep(to->api_url, sizeof to->api_url, at, "api_url");
  keep(to->control_url, sizeof to->control_url, at, "control_url");
  keep(to->api_key, sizeof to->api_key, at, "api_key");
  json_free(at);
}

void emulator_stop(emulator *from) {
  int status = 0;
  close(from->stdin_end);
  waitpid(from->pid, &status, 0);
}

/* One request to the control origin; the body of its answer goes to `text`. */
static void control(const emulator *from, const char *request, char *text, size_t size) {
  const char *port = strrchr(from->control_url, ':');
  CHECK(port != NULL);
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((uint16_t)atoi(port + 1));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0);
  CHECK_INT(write(fd, request, strlen(request)), strlen(request));
  size_t length = 0;
  for (ssize_t got; length + 1 < size && (got = read(fd, text + length, size - 1 - length)) > 0;) {
    length += (size_t)got;
  }
  close(fd);
  text[length] = '\0';
  CHECK(strncmp(text, "HTTP/1.1 20", 11) == 0);
  const char *body = strstr(text, "\r\n\r\n");
  CHECK(body != NULL);
  memmove(text, body + 4, strlen(body + 4) + 1);
}

long emulator_count(const emulator *from, const char *method, const char *path) {
  char text[4096];
  snprintf(text, sizeof text, "GET /requests/count?method=%s&path=%s HTTP/1.1\r\nhost: emulator\r\nconnection: close\r\n\r\n", method, path);
  control(from, text, text, sizeof text);
  json *answer = json_parse(text);
  CHECK(answer != NULL);
  const long count = (long)json_integer(json_member(answer, "count"), -1);
  json_free(answer);
  CHECK(count >= 0);
  return count;
}

static void post(const emulator *at, const char *path, const char *body) {
  char text[4096];
  const int length = snprintf(text, sizeof text,
                              "POST %s HTTP/1.1\r\nhost: emulator\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%s",
                              path, strlen(body), body);
  CHECK(length > 0 && (size_t)length < sizeof text);
  control(at, text, text, sizeof text);
}

void emulator_fault(const emulator *at, const char *fault) { post(at, "/faults", fault); }

void emulator_advance(const emulator *at, long ms) {
  char body[64];
  snprintf(body, sizeof body, "{\"ms\":%ld}", ms);
  post(at, "/clock/advance", body);
}

ltx_client *emulator_client(const emulator *from) {
  const char *settings[][2] = {
      {"api_key", from->api_key}, {"base_url", from->api_url}, {"journal", "memory"}, {"poll_interval", "20ms"}, {"backoff_base", "5ms"}, {"backoff_cap", "20ms"},
  };
  ltx_error *err = NULL;
  ltx_config *config = ltx_config_new();
  for (size_t i = 0; i < sizeof settings / sizeof *settings; ++i) {
    CHECK_OK(ltx_config_set(config, settings[i][0], settings[i][1], &err), err);
  }
  ltx_client *client = NULL;
  CHECK_OK(ltx_client_new(config, &client, &err), err);
  ltx_config_free(config);
  return client;
}

ltx_result *emulator_result(ltx_client *client) {
  ltx_error *err = NULL;
  ltx_request *request = emulator_request();
  ltx_op *op = NULL;
  ltx_job *job = NULL;
  ltx_result *result = NULL;
  CHECK_OK(ltx_client_submit(client, request, NULL, &op, &err), err);
  ltx_request_free(request);
  CHECK_OK(ltx_op_wait(op, 60000, &err), err);
  CHECK_OK(ltx_op_take_job(op, &job, &err), err);
  ltx_op_release(op);
  CHECK_OK(ltx_job_wait(job, NULL, &op, &err), err);
  CHECK_OK(ltx_op_wait(op, 60000, &err), err);
  CHECK_OK(ltx_op_take_result(op, &result, &err), err);
  ltx_op_release(op);
  ltx_job_release(job);
  return result;
}

ltx_frames *emulator_frames(const ltx_result *result, const char *spool) {
  ltx_error *err = NULL;
  ltx_op *op = NULL;
  ltx_frames *frames = NULL;
  ltx_frames_options options = {0};
  options.size = sizeof options;
  options.spool = spool;
  CHECK_OK(ltx_result_frames(result, &options, NULL, &op, &err), err);
  CHECK_OK(ltx_op_wait(op, 60000, &err), err);
  CHECK_OK(ltx_op_take_frames(op, &frames, &err), err);
  ltx_op_release(op);
  return frames;
}

const char *emulator_clip(void) { return needed("LTX_JOBS_CLIP"); }

void emulator_media(char *path, size_t size, const char *name) {
  const int length = snprintf(path, size, "%s/%s", needed("LTX_JOBS_MEDIA"), name);
  CHECK(length > 0 && (size_t)length < size);
}

ltx_request *emulator_request(void) {
  ltx_error *err = NULL;
  ltx_request *request = NULL;
  CHECK_OK(ltx_request_new("video-to-video-hdr", &request, &err), err);
  CHECK_OK(ltx_request_set_media_file(request, "video_uri", emulator_clip(), &err), err);
  CHECK_OK(ltx_request_set_string(request, "output_colorspace", "acescg", &err), err);
  return request;
}

char *emulator_directory(void) {
  const char *temporary = getenv("TMPDIR");
  if (temporary == NULL || *temporary == '\0') temporary = "/tmp";
  static const char NAME[] = "/ltx-saved-XXXXXX";
  size_t size = strlen(temporary) + sizeof NAME;
  char *path = malloc(size);
  CHECK(path != NULL);
  snprintf(path, size, "%s%s", temporary, NAME);
  CHECK(mkdtemp(path) != NULL);
  return path;
}
