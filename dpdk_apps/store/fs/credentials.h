/*
 * Files belong to who made them: the thread takes the user and group of the request while it
 * makes one, so that a file is never seen with another owner, and no umask.
 *
 * Capabilities to pass over permissions stay: whether the user may make the file there depends
 * on supplementary groups, which a FUSE request does not name. The client's kernel knows them and
 * checks (default_permissions); what no group could permit is refused by permission.h as well.
 */
#ifndef STORE_CREDENTIALS_H
#define STORE_CREDENTIALS_H

#include <sys/types.h>

/* 0, or -1 with errno and nothing changed. */
int credentials_take(uid_t uid, gid_t gid);

/* Root again; errno stays. */
void credentials_give_back(void);

#endif
