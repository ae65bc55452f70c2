/* stamp PROGRAM [ARGUMENT...]: runs a program and puts, before each line of its
 * standard output, the seconds since its start by this machine's clock. Ends
 * with the program's status. */
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct timespec a, b;
	int c, st, bol = 1, p[2];
	pid_t pid;
	FILE *in;

	if (argc < 2 || pipe(p))
		return 127;
	clock_gettime(CLOCK_MONOTONIC, &a);
	pid = fork();
	if (pid < 0)
		return 127;
	if (!pid) {
		dup2(p[1], 1);
		close(p[0]);
		close(p[1]);
		execvp(argv[1], argv + 1);
		perror(argv[1]);
		_exit(127);
	}
	close(p[1]);
	in = fdopen(p[0], "r");
	while (in && (c = getc(in)) != EOF) {
		if (c == '\r')
			continue;
		if (bol) {
			clock_gettime(CLOCK_MONOTONIC, &b);
			printf("%8.3f ", (double)(b.tv_sec - a.tv_sec) +
			                         (double)(b.tv_nsec - a.tv_nsec) * 1e-9);
		}
		bol = c == '\n';
		putchar(c);
		if (bol)
			fflush(stdout);
	}
	if (waitpid(pid, &st, 0) != pid)
		return 127;
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}
