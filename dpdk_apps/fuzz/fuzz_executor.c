/*
 * The store's executor on requests as a malicious client sends them (libFuzzer): well formed or
 * not, with ids that it was given, invented ones, and those of a client that is gone. What it
 * does stays in a small tmpfs that only this process sees. Needs root.
 *
 * An input is a row of requests: opcode, node, user and handle (a byte each, the last three choose
 * among what is known), the number of bytes that follow (two bytes), and these bytes.
 */
#include <assert.h>
#include <ftw.h>
#include <linux/fuse.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "executor.h"

#define KNOWN 16
#define CLIENT 1
#define PREFIX 6

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* libFuzzer calls back without a place for what is kept between the calls. */
static char folder[] = "/tmp/fuzz_executor_XXXXXX";
static struct executor *executor;
static _Alignas(8) uint8_t in[EXECUTOR_REQUEST_MAX];
static _Alignas(8) uint8_t out[EXECUTOR_ANSWER_MAX];

/* What the client was told in this row of requests. */
struct knowledge {
	uint64_t nodes[KNOWN], handles[KNOWN];
	unsigned int node_count, handle_count;
};

static void
remove_folder(void)
{
	executor_close(executor);
	if (umount2(folder, MNT_DETACH) != 0 || rmdir(folder) != 0)
		perror(folder);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct executor_options options = {.backing = folder, .durability = DURABILITY_MEMORY};

	(void)argc;
	(void)argv;
	if (mkdtemp(folder) == NULL || unshare(CLONE_NEWNS) != 0 ||
			mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
			mount("fuzz", folder, "tmpfs", 0, "size=8m,nr_inodes=512") != 0) {
		perror("fuzz_executor needs root for a tmpfs of its own");
		exit(1);
	}
	executor = executor_open(&options);
	if (executor == NULL || atexit(remove_folder) != 0)
		exit(1);
	return 0;
}

static int
remove_one(const char *path, const struct stat *file, int kind, struct FTW *where)
{
	(void)file;
	(void)kind;
	if (where->level > 0 && remove(path) != 0)
		abort();
	return 0;
}

static uint64_t
choose(const uint64_t *known, unsigned int count, uint8_t by)
{
	/* A quarter is invented. */
	if (count == 0 || by >= 192)
		return by * 0x100000001u;
	return known[by % count];
}

static void
learn(uint64_t *known, unsigned int *count, uint64_t id)
{
	known[*count < KNOWN ? (*count)++ : id % KNOWN] = id;
}

static void
learn_from_answer(struct knowledge *k, uint32_t opcode, size_t bytes)
{
	struct fuse_out_header header;
	struct fuse_entry_out entry;
	struct fuse_open_out opened;
	size_t at = sizeof(header);

	memcpy(&header, out, sizeof(header));
	assert(header.len == bytes);
	if (header.error != 0)
		return;
	if (opcode == FUSE_LOOKUP || opcode == FUSE_CREATE || opcode == FUSE_MKDIR ||
			opcode == FUSE_MKNOD || opcode == FUSE_SYMLINK || opcode == FUSE_LINK) {
		memcpy(&entry, out + at, sizeof(entry));
		learn(k->nodes, &k->node_count, entry.nodeid);
		at += sizeof(entry);
	}
	if (opcode == FUSE_OPEN || opcode == FUSE_OPENDIR || opcode == FUSE_CREATE) {
		memcpy(&opened, out + at, sizeof(opened));
		learn(k->handles, &k->handle_count, opened.fh);
	}
}

/* One request; how many bytes of the input it was made of. */
static size_t
run_one(struct knowledge *k, const uint8_t *bytes, size_t count)
{
	size_t follow = bytes[4] | (size_t)bytes[5] << 8, answer;
	struct fuse_in_header header = {.opcode = bytes[0], .unique = 2};
	uint64_t id;

	if (follow > count - PREFIX)
		follow = count - PREFIX;
	header.len = (uint32_t)(sizeof(header) + follow);
	header.nodeid = choose(k->nodes, k->node_count, bytes[1]);
	header.uid = header.gid = bytes[2] % 2 * 1000u;
	memcpy(in, &header, sizeof(header));
	memcpy(in + sizeof(header), bytes + PREFIX, follow);
	/* These begin with a handle, or with a node. */
	id = header.opcode == FUSE_LINK || header.opcode == FUSE_RENAME ||
					     header.opcode == FUSE_RENAME2
			     ? choose(k->nodes, k->node_count, bytes[3])
			     : choose(k->handles, k->handle_count, bytes[3]);
	if (follow >= sizeof(id) && header.opcode != FUSE_SETATTR && header.opcode != FUSE_CREATE &&
			header.opcode != FUSE_OPEN && bytes[2] < 128)
		memcpy(in + sizeof(header), &id, sizeof(id));
	answer = executor_run(executor, CLIENT, in, header.len, out, sizeof(out));
	assert(answer == 0 || answer >= sizeof(struct fuse_out_header));
	assert(answer <= sizeof(out));
	if (answer > 0)
		learn_from_answer(k, header.opcode, answer);
	return PREFIX + follow;
}

static void
send_init(void)
{
	struct fuse_init_in init = {.major = 7, .minor = 45, .flags = 0xffffffff & ~(1u << 31)};
	struct fuse_in_header header = {
			.opcode = FUSE_INIT, .unique = 2, .len = sizeof(header) + sizeof(init)};

	memcpy(in, &header, sizeof(header));
	memcpy(in + sizeof(header), &init, sizeof(init));
	if (executor_run(executor, CLIENT, in, header.len, out, sizeof(out)) == 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct knowledge k = {.nodes = {FUSE_ROOT_ID}, .node_count = 1};
	size_t at = 0;

	send_init();
	while (count - at >= PREFIX)
		at += run_one(&k, bytes + at, count - at);
	executor_leave(executor, CLIENT);
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0 ? 0 : -1;
}
