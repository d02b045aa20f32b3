#include "file_id.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "mix64.h"

/* struct file_handle ends in a flexible array. */
union handle_room {
	struct file_handle handle;
	uint8_t bytes[sizeof(struct file_handle) + FILE_ID_MAX];
};

int
file_id_get(int fd, struct file_id *id)
{
	union handle_room room = {.handle.handle_bytes = FILE_ID_MAX};
	int mount;

	if (name_to_handle_at(fd, "", &room.handle, &mount, AT_EMPTY_PATH) != 0)
		return -1;
	*id = (struct file_id){.type = room.handle.handle_type, .bytes = room.handle.handle_bytes};
	memcpy(id->data, room.handle.f_handle, id->bytes);
	return 0;
}

int
file_id_open(int any_fd, const struct file_id *id, int flags)
{
	union handle_room room = {.handle = {.handle_bytes = id->bytes, .handle_type = id->type}};

	if (id->bytes > FILE_ID_MAX) {
		errno = ESTALE;
		return -1;
	}
	memcpy(room.handle.f_handle, id->data, id->bytes);
	return open_by_handle_at(any_fd, &room.handle, flags | O_CLOEXEC);
}

bool
file_id_same(const struct file_id *a, const struct file_id *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

uint64_t
file_id_hash(const struct file_id *id)
{
	uint64_t hash = (uint64_t)(uint32_t)id->type << 32 | id->bytes;

	for (uint32_t at = 0; at < id->bytes; at += 8) {
		uint64_t word = 0;

		memcpy(&word, id->data + at, id->bytes - at < 8 ? id->bytes - at : 8);
		hash = mix64(hash ^ word);
	}
	return hash;
}
