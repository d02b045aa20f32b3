#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lifecycle.h"

extern char **environ;

pid_t
child_start(char *const argv[], const char *install)
{
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;
	int error = posix_spawn_file_actions_init(&actions);

	if (error == 0) {
		error = posix_spawn_file_actions_addopen(
				&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
		if (error == 0)
			error = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
		(void)posix_spawn_file_actions_destroy(&actions);
	}
	if (error == 0)
		return pid;
	complain("cannot run %s: %s%s%s", argv[0], strerror(error), error == ENOENT ? ": " : "",
			error == ENOENT ? install : "");
	return -1;
}

bool
child_ended(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
	       info.si_pid == pid;
}

/* Sleeps until the child has ended or we are to stop: nothing wakes up in between. */
static void
sleep_until_end(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd waited[] = {
			{.fd = fd, .events = POLLIN},
			{.fd = lifecycle_stop_fd(), .events = POLLIN},
	};

	if (fd < 0)
		return; /* waitpid() waits as well, but hears of no stop */
	while (!lifecycle_stopping() && (waited[0].revents & POLLIN) == 0)
		if (poll(waited, 2, -1) < 0 && errno != EINTR)
			break;
	(void)close(fd);
}

int
child_wait(pid_t pid, const char *name)
{
	int status = 0;

	sleep_until_end(pid);
	/* One that has ended already is a zombie of ours, and no other process can have its pid. */
	if (lifecycle_stopping())
		(void)kill(pid, SIGINT);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno == EINTR)
			continue;
		complain("cannot wait for %s: %s", name, strerror(errno));
		return -1;
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	if (!lifecycle_stopping())
		complain("%s was killed by signal %d", name, WTERMSIG(status));
	return -1;
}
