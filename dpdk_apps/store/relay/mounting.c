#include "mounting.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lifecycle.h"

#define WARDEN_FD (STDERR_FILENO + 1)

/* Closes all descriptors but this one: connections must not outlive the process that they belong
 * to. It is moved to where none was. */
static int
keep_alone(int fd)
{
	if (dup2(fd, WARDEN_FD) < 0 || close_range(WARDEN_FD + 1, ~0u, 0) != 0)
		return -1;
	return WARDEN_FD;
}

/* The warden's life: waits until the last writer of the pipe is gone, then unmounts. It holds no
 * /dev/fuse, so requests do not wait for it. */
static void
ward(int lifeline, const char *where)
{
	char byte = 0;
	ssize_t got;

	lifeline = keep_alone(lifeline);
	if (lifeline < 0)
		_exit(EXIT_FAILED);

	/* A signal to the group is for the server, whose end is what counts here. */
	(void)setsid();
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	do {
		got = read(lifeline, &byte, 1);
	} while (got > 0 || (got < 0 && errno == EINTR));
	/* Nothing was mounted if the server failed before it: EINVAL then. */
	if (umount2(where, MNT_DETACH) != 0 && errno != EINVAL)
		_exit(EXIT_FAILED);
	_exit(EXIT_DONE);
}

static int
start_warden(struct mounting *m, const char *where)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	m->warden = fork();
	if (m->warden == 0) {
		(void)close(ends[1]);
		ward(ends[0], where);
	}
	(void)close(ends[0]);
	m->lifeline = ends[1];
	return m->warden > 0 ? 0 : -1;
}

int
mounting_begin(struct mounting *m, const char *where)
{
	char data[160];

	*m = (struct mounting){.fuse = -1, .lifeline = -1};
	/* Before anything is mounted, and before there is a /dev/fuse that it would keep open. */
	if (start_warden(m, where) != 0) {
		complain("cannot start the process that unmounts: %s", strerror(errno));
		return -1;
	}
	m->fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (m->fuse < 0) {
		complain("cannot open /dev/fuse: %s: load the module fuse", strerror(errno));
		(void)mounting_end(m);
		return -1;
	}
	(void)snprintf(data, sizeof(data),
			"fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions",
			m->fuse);
	/* What comes from a store brings neither devices nor programs that run as somebody else. */
	if (mount("store", where, "fuse.store", MS_NOSUID | MS_NODEV, data) != 0) {
		complain("cannot mount at %s: %s", where, strerror(errno));
		(void)mounting_end(m);
		return -1;
	}
	return 0;
}

void
mounting_leave(struct mounting *m)
{
	if (m->lifeline >= 0)
		(void)close(m->lifeline);
	m->lifeline = -1;
}

int
mounting_end(struct mounting *m)
{
	int status = 0;

	mounting_leave(m);
	if (m->fuse >= 0)
		(void)close(m->fuse);
	m->fuse = -1;
	if (m->warden <= 0)
		return 0;
	while (waitpid(m->warden, &status, 0) < 0 && errno == EINTR)
		continue;
	m->warden = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_DONE)
		return 0;
	complain("the folder is still mounted: unmount it with umount -l");
	return -1;
}
