#include "permission.h"

#include <unistd.h>

#define ALL_BITS 07777

bool
permission_possible(const struct stat *file, uid_t uid, gid_t gid, int mask)
{
	mode_t owner = file->st_mode >> 6 & 7, group = file->st_mode >> 3 & 7;
	mode_t others = file->st_mode & 7, granted;

	if (uid == 0)
		return (mask & X_OK) == 0 || S_ISDIR(file->st_mode) ||
		       (file->st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
	if (uid == file->st_uid)
		granted = owner;
	else if (gid == file->st_gid)
		granted = group;
	else
		/* In the file's group, or not: either all bits of one or all of the other. */
		return ((mode_t)mask & ~group & 7) == 0 || ((mode_t)mask & ~others & 7) == 0;
	return ((mode_t)mask & ~granted & 7) == 0;
}

bool
permission_to_remove(const struct stat *folder, const struct stat *entry, uid_t uid)
{
	return uid == 0 || (folder->st_mode & S_ISVTX) == 0 || uid == folder->st_uid ||
	       uid == entry->st_uid;
}

bool
permission_to_set_mode(const struct stat *file, uid_t uid, mode_t mode)
{
	mode_t changed = (file->st_mode ^ mode) & ALL_BITS;

	return uid == 0 || uid == file->st_uid ||
	       ((changed & ~(mode_t)(S_ISUID | S_ISGID)) == 0 && (mode & changed) == 0);
}
