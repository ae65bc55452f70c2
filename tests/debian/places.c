/* A process that drives the absolute pointer at port 5658h: refused without the right to the port, it
 * takes it, and prints where the pointer is, until the left button goes down. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/io.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PORT = 0x5658, MAGIC = 0x564d5868, DATA = 39, STATUS = 40, COMMAND = 41, LEFT = 0x20 };

static unsigned reg[4]; /* EAX, EBX, ECX, EDX after a call */

static unsigned call(unsigned what, unsigned argument)
{
	__asm__ volatile("inl %%dx, %%eax"
	                 : "=a"(reg[0]), "=b"(reg[1]), "=c"(reg[2]), "=d"(reg[3])
	                 : "a"(MAGIC), "b"(argument), "c"(what), "d"(PORT)
	                 : "memory");
	return reg[0];
}

static int may_not(void)
{
	int status;
	pid_t child = fork();
	if (!child) {
		call(STATUS, 0);
		_exit(0);
	}
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	if (!may_not()) {
		puts("places: the port is open to all");
		return 1;
	}
	if (ioperm(PORT, 4, 1)) {
		perror("places: ioperm");
		return 1;
	}
	call(COMMAND, 0x45414552);
	if (call(DATA, 1) != 0x3442554a) {
		printf("places: %08x is no pointer\n", reg[0]);
		return 1;
	}
	call(COMMAND, 0x53424152);
	puts("places: on");
	do {
		while (call(STATUS, 0) < 4)
			usleep(10000);
		call(DATA, 4);
		printf("places: %u %u, wheel %d, buttons %02x\n", reg[1], reg[2], (int)reg[3],
		       reg[0]);
	} while (!(reg[0] & LEFT));
	call(COMMAND, 0xf5);
	return 0;
}
