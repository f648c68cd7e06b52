/* Makes one folder behave as a bad disk does, for the program that this is loaded into.
 * The first byte of the control file says how: S slow, F full, R read-only, E failing;
 * anything else is a disk in order. The bytes after it are the milliseconds that a slow
 * disk takes to write what it was given. What is read is read as ever. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *control;
static const char *folder;
static size_t folder_length;

__attribute__((constructor)) static void begin(void) {
    const char *file = getenv("CHAOS_DISK_CONTROL");
    folder = getenv("CHAOS_DISK_FOLDER");
    if (!file || !folder) return;
    folder_length = strlen(folder);
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    void *page = mmap(NULL, 64, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (page != MAP_FAILED) control = page;
}

static char mode(void) {
    return control ? *(volatile const char *)control : '-';
}

static int is_ours(const char *path) {
    return strncmp(path, folder, folder_length) == 0 && path[folder_length] == '/';
}

static int is_open_ours(int fd) {
    char link[64], path[PATH_MAX + 1];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX);
    if (length < 0) return 0;
    path[length] = 0;
    return is_ours(path);
}

/* The error of a write to an open file; 0 where it may pass. */
static int of_write(int fd) {
    int error = 0;
    switch (mode()) {
    case 'F': error = ENOSPC; break;
    case 'R': error = EROFS; break;
    case 'E': error = EIO; break;
    }
    return error && is_open_ours(fd) ? error : 0;
}

/* The error of a change to a folder. */
static int of_change(const char *path) {
    return mode() == 'R' && is_ours(path) ? EROFS : 0;
}

static int of_open(const char *path, int flags) {
    char now = mode();
    if ((now != 'R' && now != 'F') || !is_ours(path)) return 0;
    int is_new = (flags & O_CREAT) && access(path, F_OK) != 0;
    if (now == 'F') return is_new ? ENOSPC : 0;
    return is_new || (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) ? EROFS : 0;
}

/* Ends the function with that error, if there is one. */
#define REFUSE(error)        \
    do {                     \
        int found = (error); \
        if (found) {         \
            errno = found;   \
            return -1;       \
        }                    \
    } while (0)
#define NEXT(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))

#define OPEN(name)                                        \
    int name(const char *path, int flags, ...) {          \
        va_list rest;                                     \
        va_start(rest, flags);                            \
        mode_t rights = va_arg(rest, mode_t);             \
        va_end(rest);                                     \
        REFUSE(of_open(path, flags));                     \
        return NEXT(name)(path, flags, rights);           \
    }
#define OPENAT(name)                                      \
    int name(int at, const char *path, int flags, ...) {  \
        va_list rest;                                     \
        va_start(rest, flags);                            \
        mode_t rights = va_arg(rest, mode_t);             \
        va_end(rest);                                     \
        REFUSE(of_open(path, flags));                     \
        return NEXT(name)(at, path, flags, rights);       \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int fd, const void *from, size_t count) {
    REFUSE(of_write(fd));
    return NEXT(write)(fd, from, count);
}

ssize_t pwrite(int fd, const void *from, size_t count, off_t at) {
    REFUSE(of_write(fd));
    return NEXT(pwrite)(fd, from, count, at);
}

ssize_t pwrite64(int fd, const void *from, size_t count, off64_t at) {
    REFUSE(of_write(fd));
    return NEXT(pwrite64)(fd, from, count, at);
}

int ftruncate(int fd, off_t length) {
    REFUSE(mode() == 'F' ? 0 : of_write(fd));
    return NEXT(ftruncate)(fd, length);
}

int ftruncate64(int fd, off64_t length) {
    REFUSE(mode() == 'F' ? 0 : of_write(fd));
    return NEXT(ftruncate64)(fd, length);
}

static void take_time(int fd) {
    if (mode() == 'S' && is_open_ours(fd)) usleep(1000 * (useconds_t)atoi(control + 1));
}

int fsync(int fd) {
    take_time(fd);
    REFUSE(mode() == 'E' ? of_write(fd) : 0);
    return NEXT(fsync)(fd);
}

int fdatasync(int fd) {
    take_time(fd);
    REFUSE(mode() == 'E' ? of_write(fd) : 0);
    return NEXT(fdatasync)(fd);
}

int unlink(const char *path) {
    REFUSE(of_change(path));
    return NEXT(unlink)(path);
}

int rename(const char *from, const char *to) {
    REFUSE(of_change(to));
    return NEXT(rename)(from, to);
}

int mkdir(const char *path, mode_t rights) {
    REFUSE(mode() == 'F' && is_ours(path) && access(path, F_OK) != 0 ? ENOSPC : of_change(path));
    return NEXT(mkdir)(path, rights);
}
