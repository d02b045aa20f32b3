#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lifecycle.h"

#define STATE_MAGIC 0x31736f6465726f74u
#define BOOT_ID_BYTES 36

struct state_header {
	uint64_t magic; /* written last */
	uint32_t node_count, open_count;
	struct file_id root;
	char boot[BOOT_ID_BYTES];
	uint32_t nodes_used, opens_used;
};

/* Records begin here, on a page of their own. */
#define RECORDS_AT 4096
_Static_assert(sizeof(struct state_header) <= RECORDS_AT, "the header fits its page");

static size_t
total_bytes(const struct state *state)
{
	return RECORDS_AT + state->node_count * sizeof(struct node_record) +
	       state->open_count * sizeof(struct open_record);
}

static int
read_boot_id(char boot[BOOT_ID_BYTES])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd >= 0 ? read(fd, boot, BOOT_ID_BYTES) : -1;

	if (fd >= 0)
		(void)close(fd);
	return got == BOOT_ID_BYTES ? 0 : -1;
}

/* The file, locked by us alone. */
static int
open_locked(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0) {
		complain("cannot open the state %s: %s", path, strerror(errno));
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	complain("the state %s is in use by another server: end it, or name another file", path);
	(void)close(fd);
	return -1;
}

static bool
is_ours(const struct state_header *header, const struct state_header *wanted)
{
	return header->magic == STATE_MAGIC && header->node_count == wanted->node_count &&
	       header->open_count == wanted->open_count &&
	       file_id_same(&header->root, &wanted->root) &&
	       memcmp(header->boot, wanted->boot, BOOT_ID_BYTES) == 0 &&
	       header->nodes_used <= header->node_count && header->opens_used <= header->open_count;
}

/* Empties a file that is not this server's, and gives it its size. */
static int
fit_file(const struct state *state, const struct state_header *wanted)
{
	struct state_header header = {0};
	ssize_t got = pread(state->fd, &header, sizeof(header), 0);
	struct stat attributes;

	if (got < 0 || fstat(state->fd, &attributes) != 0)
		return -1;
	if (got == sizeof(header) && is_ours(&header, wanted) &&
			(size_t)attributes.st_size == total_bytes(state))
		return 0;
	if (ftruncate(state->fd, 0) != 0)
		return -1;
	return ftruncate(state->fd, (off_t)total_bytes(state));
}

int
state_open(struct state *state, const char *path, const struct file_id *root, uint32_t nodes,
		uint32_t opens)
{
	struct state_header wanted = {.magic = STATE_MAGIC,
			.node_count = nodes,
			.open_count = opens,
			.root = *root};
	uint8_t *memory;

	*state = (struct state){.fd = -1, .node_count = nodes, .open_count = opens};
	if (read_boot_id(wanted.boot) != 0) {
		complain("cannot read /proc/sys/kernel/random/boot_id: mount /proc");
		return -1;
	}
	if (path != NULL) {
		state->fd = open_locked(path);
		if (state->fd < 0)
			return -1;
		if (fit_file(state, &wanted) != 0) {
			complain("cannot write the state %s: %s", path, strerror(errno));
			state_close(state);
			return -1;
		}
	}
	memory = mmap(NULL, total_bytes(state), PROT_READ | PROT_WRITE,
			path != NULL ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			state->fd, 0);
	if (memory == MAP_FAILED) {
		complain("cannot map %zu bytes for the tables of nodes: %s", total_bytes(state),
				strerror(errno));
		state_close(state);
		return -1;
	}
	state->header = (struct state_header *)memory;
	state->nodes = (struct node_record *)(memory + RECORDS_AT);
	state->opens = (struct open_record *)(state->nodes + nodes);
	state->nodes_used = &state->header->nodes_used;
	state->opens_used = &state->header->opens_used;
	if (!is_ours(state->header, &wanted))
		*state->header = wanted;
	return 0;
}

void
state_close(struct state *state)
{
	if (state->header != NULL)
		(void)munmap(state->header, total_bytes(state));
	if (state->fd >= 0)
		(void)close(state->fd);
	*state = (struct state){.fd = -1};
}
