/* What a disk and a clock can do to a process, by LD_PRELOAD. Each part sleeps unless its variable is set.
 *
 *   CHAOS_FAULT_FOLDER   fail a call on a file below this folder (or on the folder itself):
 *   CHAOS_FAULT_NTH        the n-th one, counted from 1 over write, pwrite, fsync, fdatasync and ftruncate
 *   CHAOS_FAULT_ERRNO      with this errno
 *   CHAOS_FAULT_SUFFIX     only on files whose path ends so
 *   CHAOS_FAULT_STICKY     and every later one
 *   CHAOS_FAULT_REPORT     and say in this file which call it was
 *   CHAOS_FSYNC_LIES     fsync and fdatasync say yes and do nothing
 *   CHAOS_CLOCK_FILE     add the seconds in this file (eight bytes, signed) to the wall clock. The file is mapped, so
 *                        that whoever writes it makes the clock jump in the running process.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static const char *folder, *suffix, *report;
static long nth;
static int code, sticky, lies;
static atomic_long calls;
static const volatile int64_t *offset;

__attribute__((constructor)) static void read_environment(void) {
    const char *text = getenv("CHAOS_FAULT_NTH");
    folder = getenv("CHAOS_FAULT_FOLDER");
    suffix = getenv("CHAOS_FAULT_SUFFIX");
    report = getenv("CHAOS_FAULT_REPORT");
    nth = text ? atol(text) : 0;
    text = getenv("CHAOS_FAULT_ERRNO");
    code = text ? atoi(text) : EIO;
    sticky = getenv("CHAOS_FAULT_STICKY") != NULL;
    lies = getenv("CHAOS_FSYNC_LIES") != NULL;
    text = getenv("CHAOS_CLOCK_FILE");
    if (text) {
        int descriptor = open(text, O_RDONLY | O_CLOEXEC);
        void *map = descriptor < 0 ? MAP_FAILED : mmap(NULL, 8, PROT_READ, MAP_SHARED, descriptor, 0);
        if (descriptor >= 0) close(descriptor);
        if (map != MAP_FAILED) offset = map;
    }
}

/* Whether this call is the one to fail. */
static int fails(const char *call, int descriptor) {
    if (!folder || !nth) return 0;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    size_t start = strlen(folder), end = suffix ? strlen(suffix) : 0;
    if (strncmp(path, folder, start) != 0 || (path[start] != '/' && path[start] != 0)) return 0;
    if ((size_t)length < end || (suffix && strcmp(path + length - end, suffix) != 0)) return 0;
    long number = atomic_fetch_add(&calls, 1) + 1;
    if (number != nth && !(sticky && number > nth)) return 0;
    FILE *file = report ? fopen(report, "ae") : NULL;
    if (file) {
        fprintf(file, "%ld %s %s\n", number, call, path + start + (path[start] == '/'));
        fclose(file);
    }
    errno = code;
    return 1;
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
    static __typeof__(&write) real;
    if (!real) real = NEXT(write);
    return fails("write", descriptor) ? -1 : real(descriptor, bytes, count);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t position) {
    static __typeof__(&pwrite) real;
    if (!real) real = NEXT(pwrite);
    return fails("pwrite", descriptor) ? -1 : real(descriptor, bytes, count, position);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t position) {
    static __typeof__(&pwrite64) real;
    if (!real) real = NEXT(pwrite64);
    return fails("pwrite", descriptor) ? -1 : real(descriptor, bytes, count, position);
}

int ftruncate(int descriptor, off_t length) {
    static __typeof__(&ftruncate) real;
    if (!real) real = NEXT(ftruncate);
    return fails("ftruncate", descriptor) ? -1 : real(descriptor, length);
}

int ftruncate64(int descriptor, off64_t length) {
    static __typeof__(&ftruncate64) real;
    if (!real) real = NEXT(ftruncate64);
    return fails("ftruncate", descriptor) ? -1 : real(descriptor, length);
}

int fsync(int descriptor) {
    static __typeof__(&fsync) real;
    if (!real) real = NEXT(fsync);
    if (lies) return 0;
    return fails("fsync", descriptor) ? -1 : real(descriptor);
}

int fdatasync(int descriptor) {
    static __typeof__(&fdatasync) real;
    if (!real) real = NEXT(fdatasync);
    if (lies) return 0;
    return fails("fdatasync", descriptor) ? -1 : real(descriptor);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static __typeof__(&clock_gettime) real;
    if (!real) real = NEXT(clock_gettime);
    int status = real(clock, now);
    if (status == 0 && offset && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += *offset;
    return status;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    static int (*real)(struct timeval *restrict, void *restrict);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "gettimeofday");
    int status = real(now, zone);
    if (status == 0 && offset) now->tv_sec += *offset;
    return status;
}

time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result) *result = now.tv_sec;
    return now.tv_sec;
}
