/*
 * The files and folders that clients have open. A handle is a slot and the slot's generation; one
 * that was closed, invented or given to another client is EBADF. After a restart of the server a
 * file is opened again when its handle is used; one that was removed while open is then ESTALE.
 */
#ifndef STORE_OPEN_FILES_H
#define STORE_OPEN_FILES_H

#include <stdint.h>

#include "nodes.h"

enum open_kind { OPEN_FILE = 1, OPEN_FOLDER = 2 };

struct open_files;

/* NULL with errno. */
struct open_files *open_files_open(struct state *state, struct nodes *nodes);
void open_files_close(struct open_files *files);

/* Takes `fd`, which was opened with `flags` from the node; a handle, or 0 with errno (ENFILE),
 * and then `fd` is closed. */
uint64_t open_files_add(struct open_files *files, uint64_t client, uint64_t node, int fd, int flags,
		enum open_kind kind);

/* The descriptor of the handle; the table's. -1 with errno. */
int open_files_fd(struct open_files *files, uint64_t client, uint64_t handle, enum open_kind kind);

/* Closes it: 0, or -1 with errno. */
int open_files_release(
		struct open_files *files, uint64_t client, uint64_t handle, enum open_kind kind);

/* The client is gone, and all that it had open. */
void open_files_leave(struct open_files *files, uint64_t client);

uint32_t open_files_count(const struct open_files *files);

#endif
