/* ioctl DEVICE NUMBER: what a shell cannot ask a device for, as to open its tray. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

int main(int argc, char **argv)
{
	int fd = argc == 3 ? open(argv[1], O_RDONLY | O_NONBLOCK) : -1;
	if (fd < 0 || ioctl(fd, strtoul(argv[2], NULL, 0), 0) < 0) {
		perror(argv[0]);
		return 1;
	}
	return 0;
}
