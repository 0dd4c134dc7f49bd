/*
 * A host of plug-ins, and a plug-in that is loaded and unloaded again and again: from the main thread, from a thread that lives on, and from threads that
 * end after the unload; with operations pending, a server that never answers, and a resolver that never does. Afterwards threads, descriptors and memory
 * are where they were.
 *
 *   guest PLUGIN TIMES [--stripped-of-its-pin]
 *
 * Linked with nothing of ours. It stands in for the system in two places, which a host can because its names come first: the resolver (a name under
 * `.silent` is not resolved until the test says so), and, with --stripped-of-its-pin, the answer to a module that asks to stay in memory. The plug-in must
 * then be one that is not marked to stay either, and the host crashes: that is what the pin is for.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <malloc.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "guest_plugin.h"
#include "threads.h"

static const char *plugin;
static int without_pin;

/* The resolver. */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int silent = 0, resolving = 0;

/* The host has something of its own to clean up when a thread ends, as an allocator with a cache for each thread has: here it takes long. */
static pthread_key_t cleaning;
static int lingers, lingering, ending, unloaded;

static void clean_up(void *unused) {
  (void)unused;
  pthread_mutex_lock(&lock);
  ++ending;
  pthread_cond_broadcast(&changed);
  while (!unloaded) {
    pthread_cond_wait(&changed, &lock);
  }
  pthread_mutex_unlock(&lock);
}

/* The functions of the system that these two come before. */
static void *behind(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  CHECK(found != NULL);
  return found;
}

__attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **results) {
  const char *end = node == NULL ? NULL : strstr(node, ".silent");
  if (end != NULL) {
    pthread_mutex_lock(&lock);
    ++resolving;
    pthread_cond_broadcast(&changed);
    while (silent) {
      pthread_cond_wait(&changed, &lock);
    }
    --resolving;
    if (lingers) {
      CHECK_INT(pthread_setspecific(cleaning, &cleaning), 0);
      ++lingering;
    }
    pthread_mutex_unlock(&lock);
    return EAI_AGAIN;
  }
  int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
  void *found = behind("getaddrinfo");
  memcpy(&real, &found, sizeof real);
  return real(node, service, hints, results);
}

__attribute__((visibility("default"))) void *dlopen(const char *file, int mode) {
  if (without_pin && (mode & RTLD_NODELETE)) {
    return NULL;
  }
  void *(*real)(const char *, int);
  void *found = behind("dlopen");
  memcpy(&real, &found, sizeof real);
  return real(file, mode);
}

static void set_silent(int to) {
  pthread_mutex_lock(&lock);
  silent = to;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
}

/* What is counted. */

static int descriptors_now(void) {
  int count = 0;
  DIR *open_ones = opendir("/proc/self/fd");
  CHECK(open_ones != NULL);
  for (struct dirent *one; (one = readdir(open_ones)) != NULL;) {
    count += one->d_name[0] != '.';
  }
  closedir(open_ones);
  return count;
}

/* What is in use: what the allocator keeps in store for later goes back first. */
static long resident_kib(void) {
  malloc_trim(0);
  long size = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK(file != NULL && fscanf(file, "%ld %ld", &size, &resident) == 2);
  fclose(file);
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static int is_mapped(const char *file) {
  char line[4096];
  int found = 0;
  FILE *maps = fopen("/proc/self/maps", "r");
  CHECK(maps != NULL);
  while (fgets(line, sizeof line, maps) != NULL) {
    found |= strstr(line, file) != NULL;
  }
  fclose(maps);
  return found;
}

/* A server that takes connections and says nothing: the kernel does it all. */
static int silent_server(char *url, size_t size) {
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  CHECK(fd >= 0 && bind(fd, (const struct sockaddr *)&address, length) == 0 && listen(fd, 4096) == 0);
  CHECK_INT(getsockname(fd, (struct sockaddr *)&address, &length), 0);
  snprintf(url, size, "http://127.0.0.1:%d", ntohs(address.sin_port));
  return fd;
}

static char silent_url[64];
static int silent_fd;
static const char nobody[] = "http://127.0.0.1:1", unresolved[] = "https://api.silent";

/* The plug-in's first connection is there. Those that were served so are let go: what matters is over by then. */
static void heard_by_the_server(void) {
  struct pollfd at = {silent_fd, POLLIN, 0};
  CHECK_INT(poll(&at, 1, 60000), 1);
}

static void forget_connections(void) {
  for (int fd; (fd = accept(silent_fd, NULL, NULL)) >= 0;) {
    close(fd);
  }
}

static void heard_by_the_resolver(void) {
  pthread_mutex_lock(&lock);
  while (resolving == 0) {
    pthread_cond_wait(&changed, &lock);
  }
  pthread_mutex_unlock(&lock);
}

/* How often threads were left behind in the resolver. On a busy machine some are elsewhere too, and end a moment later: they are counted in the end. */
static int left_behind;

static void *load(void) {
  void *module = dlopen(plugin, RTLD_NOW | RTLD_LOCAL);
  if (module == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
  }
  return module;
}

static void work(void *module, const char *base_url, int way, int wanted) {
  int (*run)(const char *, int, void (*)(void), int *);
  void *found = dlsym(module, "guest_plugin_run");
  CHECK(found != NULL);
  memcpy(&run, &found, sizeof run);
  int left = 0;
  CHECK_INT(run(base_url, way, base_url == unresolved ? heard_by_the_resolver : heard_by_the_server, &left), wanted);
  left_behind += left && base_url == unresolved;
}

/* Load, work, unload. `turns` is how often it works in one mapping: hosts send Load and Unload more than once to the same one. */
static void one_life(const char *base_url, int way, int wanted, int turns) {
  void *module = load();
  for (int i = 0; i < turns; ++i) {
    work(module, base_url, way, wanted);
  }
  CHECK_INT(dlclose(module), 0);
}

static void every_way(void) {
  one_life(nobody, GUEST_COMPLETES, 131, 1);
  one_life(silent_url, GUEST_PENDING, 0, 1);
  forget_connections();
  /* Load, Unload, Load, Render. */
  one_life(nobody, GUEST_COMPLETES, 131, 2);
}

static void *in_a_thread_that_ends(void *unused) {
  every_way();
  return unused;
}

/* A thread of the host that lives on: does as it is told, and ends with the test. */
static pthread_mutex_t worker_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t worker_changed = PTHREAD_COND_INITIALIZER;
static int asked, done, over;

static void *lives_on(void *unused) {
  pthread_mutex_lock(&worker_lock);
  for (;;) {
    while (asked == done && !over) {
      pthread_cond_wait(&worker_changed, &worker_lock);
    }
    if (over) {
      break;
    }
    pthread_mutex_unlock(&worker_lock);
    every_way();
    pthread_mutex_lock(&worker_lock);
    done = asked;
    pthread_cond_broadcast(&worker_changed);
  }
  pthread_mutex_unlock(&worker_lock);
  return unused;
}

static void ask_the_worker(void) {
  pthread_mutex_lock(&worker_lock);
  ++asked;
  pthread_cond_broadcast(&worker_changed);
  while (done != asked) {
    pthread_cond_wait(&worker_changed, &worker_lock);
  }
  pthread_mutex_unlock(&worker_lock);
}

static void from_everywhere(void) {
  every_way();
  ask_the_worker();
  pthread_t thread;
  CHECK_INT(pthread_create(&thread, NULL, in_a_thread_that_ends, NULL), 0);
  pthread_join(thread, NULL);
}

/* The resolver hangs: its thread is left behind, inside code that the plug-in was unloaded from, and comes back later. */
static void the_resolver_hangs(int times, int threads_before) {
  set_silent(1);
  for (int i = 0; i < times; ++i) {
    one_life(unresolved, GUEST_PENDING, 0, 1);
  }
  CHECK(left_behind > 0);
  CHECK(resolving > 0);
  set_silent(0);
  CHECK(threads_are(threads_before));
  CHECK_INT(resolving, 0);
}

static void *use_and_end(void *to) {
  void **module = to;
  *module = load();
  work(*module, unresolved, GUEST_PENDING, 0);
  return NULL;
}

/*
 * The unload comes just when a thread that was left behind ends: the system has run the destructors it knows the module of, the host's own is running, and
 * the one that the standard library left there for itself is still to come. It must find its code.
 */
static void the_unload_meets_a_thread_that_ends(void) {
  const int threads = threads_now();
  void *module = NULL;
  CHECK_INT(pthread_key_create(&cleaning, clean_up), 0);
  lingers = 1;
  set_silent(1);
  pthread_t thread;
  CHECK_INT(pthread_create(&thread, NULL, use_and_end, &module), 0);
  pthread_join(thread, NULL);
  set_silent(0);
  pthread_mutex_lock(&lock);
  while (resolving > 0 || ending < lingering || ending == 0) {
    pthread_cond_wait(&changed, &lock);
  }
  pthread_mutex_unlock(&lock);
  /* There are no others any more: one would keep the module too. */
  CHECK(threads_are(threads + ending));
  CHECK_INT(dlclose(module), 0);
  if (without_pin) {
    /* Else this shows nothing. */
    CHECK(!is_mapped(plugin));
  }
  pthread_mutex_lock(&lock);
  lingers = 0;
  unloaded = 1;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
  CHECK(threads_are(threads));
}

int main(int argc, char **argv) {
  CHECK(argc == 3 || (argc == 4 && strcmp(argv[3], "--stripped-of-its-pin") == 0));
  plugin = argv[1];
  without_pin = argc == 4;
  const int times = atoi(argv[2]);
  CHECK(times > 0);
  alarm(900);
  the_unload_meets_a_thread_that_ends();
  left_behind = 0;
  silent_fd = silent_server(silent_url, sizeof silent_url);
  pthread_t worker;
  CHECK_INT(pthread_create(&worker, NULL, lives_on, NULL), 0);

  /* What is made once for a process is made in the first rounds, and is no leak. */
  const int warm = times / 10 + 2;
  for (int i = 0; i < warm; ++i) {
    from_everywhere();
  }
  const int threads = threads_now(), descriptors = descriptors_now();
  const long memory = resident_kib();
  for (int i = 0; i < times; ++i) {
    from_everywhere();
    CHECK(threads_are(threads));
    CHECK_INT(descriptors_now(), descriptors);
  }
  const long grown = resident_kib() - memory, limit = 2048;
  const int some = times / 10 + 1;
  the_resolver_hangs(some, threads);
  CHECK_INT(descriptors_now(), descriptors);
  pthread_mutex_lock(&worker_lock);
  over = 1;
  pthread_cond_broadcast(&worker_changed);
  pthread_mutex_unlock(&worker_lock);
  pthread_join(worker, NULL);
  printf("%s: %d x 3 threads x 3 ways loaded and unloaded: threads +0 (limit 0), descriptors +0 (limit 0), memory %+ld KiB (limit %ld); "
         "%d with a silent resolver, %d threads left there and gone when it answered; %s afterwards\n",
         strrchr(plugin, '/') == NULL ? plugin : strrchr(plugin, '/') + 1, times, grown, limit, some, left_behind, is_mapped(plugin) ? "in memory" : "unmapped");
  CHECK(grown <= limit);
  return 0;
}
