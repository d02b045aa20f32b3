#include "credentials.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* setfsuid(2) says nothing of failure; asked for an impossible user it tells the present one. */
#define NOBODY_AT_ALL ((uid_t)-1)

/* The process's, while modes come with the client's umask taken off already. One thread makes
 * files for clients. */
static mode_t usual_umask;

/* Leaving user 0 drops these from the effective set. CAP_FSETID stays away: the kernel is to
 * clear set-group-ID where the file's group is not the maker's. */
static int
pass_over_permissions(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, sets) != 0)
		return -1;
	sets[0].effective |= 1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH;
	return (int)syscall(SYS_capset, &header, sets);
}

int
credentials_take(uid_t uid, gid_t gid)
{
	usual_umask = umask(0);
	(void)setfsgid(gid);
	(void)setfsuid(uid);
	if ((gid_t)setfsgid((gid_t)-1) == gid && (uid_t)setfsuid(NOBODY_AT_ALL) == uid &&
			(uid == 0 || pass_over_permissions() == 0))
		return 0;
	credentials_give_back();
	errno = EPERM;
	return -1;
}

void
credentials_give_back(void)
{
	int reason = errno;

	/* Going back to user 0 brings all capabilities of files back. */
	(void)setfsuid(0);
	(void)setfsgid(0);
	(void)umask(usual_umask);
	/* To go on as somebody else would give files to the wrong owner. */
	if (setfsuid(NOBODY_AT_ALL) != 0)
		abort();
	errno = reason;
}
