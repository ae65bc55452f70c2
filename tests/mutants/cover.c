/* What a test runs: linked into a build with -fsanitize-coverage=trace-pc, which
 * calls this at the start of each basic block.  The map is a file, a byte for each
 * of the program's addresses, in $COVER_DIR: it outlives the process however that
 * ends, needs nothing at the exit, and processes share it.  gcov writes at exit,
 * which a killed process does not reach, and a fenced one may not do. */
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

extern const char __executable_start[], etext[];

#define LARGEST (16u << 20)

static char unused[LARGEST];
static char *map = unused;

void __sanitizer_cov_trace_pc(void)
{
	map[(uintptr_t)__builtin_return_address(0) - (uintptr_t)__executable_start] = 1;
}

static __attribute__((constructor)) void map_open(void)
{
	const char *dir = getenv("COVER_DIR");
	char path[PATH_MAX], exe[PATH_MAX];
	size_t size = etext - __executable_start;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (!dir || n < 0 || size > LARGEST)
		return;
	exe[n] = 0;
	for (char *p = exe; *p; p++)
		if (*p == '/')
			*p = '|';
	snprintf(path, sizeof(path), "%s/%s", dir, exe);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return;
	fchmod(fd, 0666);
	struct stat st;
	if (!fstat(fd, &st) && (st.st_size >= (off_t)size || !ftruncate(fd, size))) {
		void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (p != MAP_FAILED)
			map = p;
	}
	close(fd);
}
