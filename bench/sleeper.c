/* What any program pays that sleeps until a timer's signal 250 times a second. */
#include <signal.h>
#include <stdio.h>
#include <time.h>

int main(void)
{
	sigset_t set;
	timer_t timer;
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
	struct itimerspec spec;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) ||
	    clock_gettime(CLOCK_MONOTONIC, &spec.it_value))
		return 1;
	spec.it_interval = (struct timespec){0, 0};
	puts("asleep");
	fflush(stdout);
	for (;;) {
		spec.it_value.tv_nsec += 4000000;
		if (spec.it_value.tv_nsec >= 1000000000) {
			spec.it_value.tv_nsec -= 1000000000;
			spec.it_value.tv_sec++;
		}
		if (timer_settime(timer, TIMER_ABSTIME, &spec, NULL) || sigwaitinfo(&set, NULL) < 0)
			return 1;
	}
}
