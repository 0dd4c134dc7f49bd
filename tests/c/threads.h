/* How many threads this process has, as the kernel tells it. Linux; elsewhere the answer is always 0, and nothing is compared. */
#ifndef LTX_TEST_THREADS_H
#define LTX_TEST_THREADS_H

#include <dirent.h>
#include <time.h>

static int threads_now(void) {
  int count = 0;
  DIR *tasks = opendir("/proc/self/task");
  for (struct dirent *task; tasks != NULL && (task = readdir(tasks)) != NULL;) {
    count += task->d_name[0] != '.';
  }
  if (tasks != NULL) {
    closedir(tasks);
  }
  return count;
}

/* Whether there are as many again as before. A thread that was joined stays in the kernel's list for a moment. */
static int threads_are(int wanted) {
  const struct timespec moment = {0, 1000000};
  for (int left = 20000; left > 0 && threads_now() != wanted; --left) {
    nanosleep(&moment, NULL);
  }
  return threads_now() == wanted;
}

#endif
