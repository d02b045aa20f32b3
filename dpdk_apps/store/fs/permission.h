/*
 * What a user may not do, whichever groups it belongs to. The client's kernel checks all of a
 * file's permissions, since it knows the supplementary groups; a FUSE request does not name
 * them. Here, behind the network, a request is refused if no set of groups could permit it.
 */
#ifndef STORE_PERMISSION_H
#define STORE_PERMISSION_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Whether `mask` (of R_OK, W_OK and X_OK) may be permitted to the user on the file. */
bool permission_possible(const struct stat *file, uid_t uid, gid_t gid, int mask);

/* Whether the user may take away an entry of the folder: in a sticky one only its owner, the
 * folder's, and root. */
bool permission_to_remove(const struct stat *folder, const struct stat *entry, uid_t uid);

/* Whether the user may set these bits of mode: the owner and root may. Everybody who may write
 * may clear set-user-ID and set-group-ID, since a write does. */
bool permission_to_set_mode(const struct stat *file, uid_t uid, mode_t mode);

#endif
