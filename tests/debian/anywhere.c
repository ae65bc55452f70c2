/* A dynamic program: tells where it and its library have been loaded. */
#include <stdio.h>
#include <string.h>

int main(void)
{
	char line[64];
	snprintf(line, sizeof line, "%p %p", (void *)main, (void *)strchr);
	puts(line);
	return 0;
}
