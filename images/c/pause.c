/* Holds a pod's namespaces open. As PID 1 of a shared PID namespace it also reaps orphans. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void leave(int signal_number) {
	(void)signal_number;
	_exit(0);
}

static void reap(int signal_number) {
	int saved = errno;
	(void)signal_number;
	while (waitpid(-1, NULL, WNOHANG) > 0) {
	}
	errno = saved;
}

int main(void) {
	struct sigaction action = {.sa_handler = leave};
	if (sigaction(SIGINT, &action, NULL) < 0 || sigaction(SIGTERM, &action, NULL) < 0) return 1;
	action.sa_handler = reap;
	action.sa_flags = SA_NOCLDSTOP;
	if (sigaction(SIGCHLD, &action, NULL) < 0) return 2;
	for (;;) pause();
}
