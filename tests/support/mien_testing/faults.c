/* Preloaded into a program under test: the n-th call that would change a file under a folder fails, once.
 *
 * The test and every process that it starts share one page, `struct control`; see faults.py, which has its twin.
 * MIEN_FAULT_CONTROL names the file of that page, MIEN_FAULT_UNDER the folder. Nothing else of the system is touched:
 * calls on other paths, on pipes and on sockets go through and are not counted.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum { OPEN = 1, WRITE = 2, SYNC = 4, RENAME = 8, LINK = 16, UNLINK = 32, MKDIR = 64, TRUNCATE = 128, CHMOD = 256,
       READ = 512, ALLOCATE = 1024 };
enum { FAIL = 0, KILL = 1, SHORT = 2 };

struct control {
    int64_t calls;    /* counted so far */
    int64_t first;    /* the first call that fails, from 1; 0: none does */
    int64_t last;     /* the last one */
    int64_t failed;   /* how many have failed */
    int64_t large;    /* bytes from which an allocation counts */
    int32_t error;    /* what a failing call says */
    int32_t action;   /* FAIL, KILL (the process dies instead of calling), SHORT (half of the bytes are written) */
    uint32_t kinds;   /* which calls are counted */
    uint32_t traced;  /* bytes used of `trace` */
    char trace[65536];
};

static struct control *page;
static char under[4096];
static size_t under_length;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("MIEN_FAULT_CONTROL"), *folder = getenv("MIEN_FAULT_UNDER");
    if (!name || !folder || strlen(folder) >= sizeof under) return;
    int file = (int)syscall(SYS_openat, AT_FDCWD, name, O_RDWR | O_CLOEXEC, 0);
    if (file < 0) return;
    void *mapped = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    syscall(SYS_close, file);
    if (mapped == MAP_FAILED) return;
    under_length = strlen(strcpy(under, folder));
    page = mapped;
}

/* The path that a descriptor and a name mean, as far as this needs it. */
static const char *full(int folder, const char *name, char *buffer, size_t size) {
    char link[64];
    if (name && name[0] == '/') return name;
    ssize_t length;
    if (folder == AT_FDCWD) {
        length = syscall(SYS_getcwd, buffer, size) - 1;
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        length = syscall(SYS_readlinkat, AT_FDCWD, link, buffer, size - 1);
    }
    if (length < 0) return "";
    buffer[length] = 0;
    if (name) snprintf(buffer + length, size - (size_t)length, "/%s", name);
    return buffer;
}

static int counts(uint32_t kind, const char *what, const char *path, size_t bytes) {
    int64_t number = __atomic_add_fetch(&page->calls, 1, __ATOMIC_SEQ_CST);
    int fails = page->first && number >= page->first && number <= page->last;
    char line[512];
    int length = snprintf(line, sizeof line, "%s%lld %s %.300s %zu\n", fails ? "! " : "", (long long)number, what,
                          path, bytes);
    uint32_t at = __atomic_fetch_add(&page->traced, (uint32_t)length, __ATOMIC_SEQ_CST);
    if (length > 0 && at + (uint32_t)length < sizeof page->trace) memcpy(page->trace + at, line, (size_t)length);
    if (!fails) return 0;
    __atomic_add_fetch(&page->failed, 1, __ATOMIC_SEQ_CST);
    if (page->action == KILL) syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    (void)kind;
    errno = page->error;
    return 1;
}

static int fails(uint32_t kind, const char *what, int folder, const char *name, size_t bytes) {
    if (!page || !(page->kinds & kind)) return 0;
    char buffer[8192];
    int before = errno;
    const char *path = full(folder, name, buffer, sizeof buffer);
    if (strncmp(path, under, under_length) != 0 || (path[under_length] && path[under_length] != '/')) {
        errno = before;
        return 0;
    }
    if (counts(kind, what, path, bytes)) return 1;
    errno = before;
    return 0;
}

/* The libc function of that name; looked up once. */
#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

#define OPENING(function) \
    int function(const char *path, int flags, ...) { \
        va_list more; \
        va_start(more, flags); \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(more, mode_t) : 0; \
        va_end(more); \
        REAL(int, #function, const char *, int, ...); \
        if ((flags & O_CREAT) && fails(OPEN, "open", AT_FDCWD, path, 0)) return -1; \
        return real(path, flags, mode); \
    }
OPENING(open)
OPENING(open64)

#define OPENING_AT(function) \
    int function(int folder, const char *path, int flags, ...) { \
        va_list more; \
        va_start(more, flags); \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(more, mode_t) : 0; \
        va_end(more); \
        REAL(int, #function, int, const char *, int, ...); \
        if ((flags & O_CREAT) && fails(OPEN, "open", folder, path, 0)) return -1; \
        return real(folder, path, flags, mode); \
    }
OPENING_AT(openat)
OPENING_AT(openat64)

#define IS_SHORT(size) (page->action == SHORT && (size) > 1)

ssize_t write(int file, const void *bytes, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    if (fails(WRITE, "write", file, NULL, size)) return IS_SHORT(size) ? real(file, bytes, size / 2) : -1;
    return real(file, bytes, size);
}

#define WRITING_AT(function, offset_type) \
    ssize_t function(int file, const void *bytes, size_t size, offset_type offset) { \
        REAL(ssize_t, #function, int, const void *, size_t, offset_type); \
        if (fails(WRITE, "pwrite", file, NULL, size)) \
            return IS_SHORT(size) ? real(file, bytes, size / 2, offset) : -1; \
        return real(file, bytes, size, offset); \
    }
WRITING_AT(pwrite, off_t)
WRITING_AT(pwrite64, off64_t)

#define SENDING(function, offset_type) \
    ssize_t function(int to, int from, offset_type *offset, size_t size) { \
        REAL(ssize_t, #function, int, int, offset_type *, size_t); \
        if (fails(WRITE, "sendfile", to, NULL, size)) return -1; \
        return real(to, from, offset, size); \
    }
SENDING(sendfile, off_t)
SENDING(sendfile64, off64_t)

ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t size, unsigned flags) {
    REAL(ssize_t, "copy_file_range", int, off64_t *, int, off64_t *, size_t, unsigned);
    if (fails(WRITE, "copy_file_range", to, NULL, size)) return -1;
    return real(from, from_offset, to, to_offset, size, flags);
}

ssize_t read(int file, void *bytes, size_t size) {
    REAL(ssize_t, "read", int, void *, size_t);
    return fails(READ, "read", file, NULL, size) ? -1 : real(file, bytes, size);
}

#define READING_AT(function, offset_type) \
    ssize_t function(int file, void *bytes, size_t size, offset_type offset) { \
        REAL(ssize_t, #function, int, void *, size_t, offset_type); \
        return fails(READ, "pread", file, NULL, size) ? -1 : real(file, bytes, size, offset); \
    }
READING_AT(pread, off_t)
READING_AT(pread64, off64_t)

#define ON_FILE(kind, function, what) \
    int function(int file) { \
        REAL(int, #function, int); \
        return fails(kind, what, file, NULL, 0) ? -1 : real(file); \
    }
ON_FILE(SYNC, fsync, "fsync")
ON_FILE(SYNC, fdatasync, "fdatasync")

#define TRUNCATING(function, size_type) \
    int function(int file, size_type size) { \
        REAL(int, #function, int, size_type); \
        return fails(TRUNCATE, "ftruncate", file, NULL, (size_t)size) ? -1 : real(file, size); \
    }
TRUNCATING(ftruncate, off_t)
TRUNCATING(ftruncate64, off64_t)

#define ALLOTTING(function, size_type) \
    int function(int file, size_type offset, size_type size) { \
        REAL(int, #function, int, size_type, size_type); \
        return fails(TRUNCATE, "fallocate", file, NULL, (size_t)size) ? errno : real(file, offset, size); \
    }
ALLOTTING(posix_fallocate, off_t)
ALLOTTING(posix_fallocate64, off64_t)

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    return fails(RENAME, "rename", AT_FDCWD, to, 0) ? -1 : real(from, to);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    REAL(int, "renameat", int, const char *, int, const char *);
    return fails(RENAME, "rename", to_folder, to, 0) ? -1 : real(from_folder, from, to_folder, to);
}

int link(const char *from, const char *to) {
    REAL(int, "link", const char *, const char *);
    return fails(LINK, "link", AT_FDCWD, to, 0) ? -1 : real(from, to);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    REAL(int, "linkat", int, const char *, int, const char *, int);
    return fails(LINK, "link", to_folder, to, 0) ? -1 : real(from_folder, from, to_folder, to, flags);
}

int symlink(const char *from, const char *to) {
    REAL(int, "symlink", const char *, const char *);
    return fails(LINK, "symlink", AT_FDCWD, to, 0) ? -1 : real(from, to);
}

int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    return fails(UNLINK, "unlink", AT_FDCWD, path, 0) ? -1 : real(path);
}

int unlinkat(int folder, const char *path, int flags) {
    REAL(int, "unlinkat", int, const char *, int);
    return fails(UNLINK, "unlink", folder, path, 0) ? -1 : real(folder, path, flags);
}

int rmdir(const char *path) {
    REAL(int, "rmdir", const char *);
    return fails(UNLINK, "rmdir", AT_FDCWD, path, 0) ? -1 : real(path);
}

int mkdir(const char *path, mode_t mode) {
    REAL(int, "mkdir", const char *, mode_t);
    return fails(MKDIR, "mkdir", AT_FDCWD, path, 0) ? -1 : real(path, mode);
}

int mkdirat(int folder, const char *path, mode_t mode) {
    REAL(int, "mkdirat", int, const char *, mode_t);
    return fails(MKDIR, "mkdir", folder, path, 0) ? -1 : real(folder, path, mode);
}

int chmod(const char *path, mode_t mode) {
    REAL(int, "chmod", const char *, mode_t);
    return fails(CHMOD, "chmod", AT_FDCWD, path, 0) ? -1 : real(path, mode);
}

int fchmod(int file, mode_t mode) {
    REAL(int, "fchmod", int, mode_t);
    return fails(CHMOD, "chmod", file, NULL, 0) ? -1 : real(file, mode);
}

int fchmodat(int folder, const char *path, mode_t mode, int flags) {
    REAL(int, "fchmodat", int, const char *, mode_t, int);
    return fails(CHMOD, "chmod", folder, path, 0) ? -1 : real(folder, path, mode, flags);
}

/* ── memory: only what is large, since every line of Python allocates ─────────────────────────────────────────── */

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static int refused(const char *what, size_t size) {
    if (!page || !(page->kinds & ALLOCATE) || (int64_t)size < page->large) return 0;
    int before = errno;
    if (counts(ALLOCATE, what, "", size)) return 1;
    errno = before;
    return 0;
}

void *malloc(size_t size) { return refused("malloc", size) ? NULL : __libc_malloc(size); }

void *calloc(size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) bytes = SIZE_MAX;
    return refused("calloc", bytes) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) { return refused("realloc", size) ? NULL : __libc_realloc(old, size); }

void *memalign(size_t alignment, size_t size) {
    return refused("memalign", size) ? NULL : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    return refused("aligned_alloc", size) ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **made, size_t alignment, size_t size) {
    if (refused("posix_memalign", size)) return ENOMEM;
    *made = __libc_memalign(alignment, size);
    return *made ? 0 : ENOMEM;
}
