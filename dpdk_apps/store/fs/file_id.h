/*
 * The kernel's name for a file (name_to_handle_at): it names an inode with its generation, so a
 * reused inode number is another file, and it is good in another process and after a rename.
 */
#ifndef STORE_FILE_ID_H
#define STORE_FILE_ID_H

#include <stdbool.h>
#include <stdint.h>

/* ext4 needs 8 bytes, tmpfs 12, XFS 16, btrfs 20. */
#define FILE_ID_MAX 72

struct file_id {
	int32_t type;
	uint32_t bytes;
	uint8_t data[FILE_ID_MAX]; /* zero behind `bytes` */
};

/* The id of the file behind `fd` (O_PATH is enough). 0, or -1 with errno. */
int file_id_get(int fd, struct file_id *id);

/* Opens it; `any_fd` is any descriptor on its file system that is not O_PATH. A descriptor, or
 * -1 with errno: ESTALE where the file is gone. Needs CAP_DAC_READ_SEARCH. */
int file_id_open(int any_fd, const struct file_id *id, int flags);

bool file_id_same(const struct file_id *a, const struct file_id *b);

uint64_t file_id_hash(const struct file_id *id);

#endif
