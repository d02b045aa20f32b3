#include "operations.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "permission.h"

/* What the kernel is asked for at once. A cookie says where to go on, so nothing is kept between
 * two requests and a listing goes on over a restart of the server. */
#define LISTING_BYTES 32768

struct linux_dirent64 {
	uint64_t d_ino;
	int64_t d_off;
	uint16_t d_reclen;
	uint8_t d_type;
	char d_name[];
};

void
op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct session *s = session_of(req);
	struct executor *e = s->executor;
	const struct fuse_ctx *who = fuse_req_ctx(req);
	int fd = nodes_path(e->nodes, s->client, ino);
	const int flags = O_RDONLY | O_DIRECTORY;
	struct stat folder;

	if (fd < 0 || fstat(fd, &folder) != 0) {
		answer_errno(req, errno);
		return;
	}
	if (!S_ISDIR(folder.st_mode) || !permission_possible(&folder, who->uid, who->gid, R_OK)) {
		answer_errno(req, S_ISDIR(folder.st_mode) ? EACCES : ENOTDIR);
		return;
	}
	fd = nodes_reopen(e->nodes, s->client, ino, flags);
	fi->fh = fd >= 0 ? open_files_add(e->opens, s->client, ino, fd, flags, OPEN_FOLDER) : 0;
	if (fi->fh == 0)
		answer_errno(req, errno);
	else
		(void)fuse_reply_open(req, fi);
}

/* What is filled with entries. */
struct listing {
	fuse_req_t req;
	struct session *s;
	fuse_ino_t folder;
	bool plus; /* each is looked up */
	char *out;
	size_t room, used;
};

/* With attributes, and a lookup that the client's kernel counts; '.' and '..' are not. */
static size_t
add_plus(struct listing *l, const struct linux_dirent64 *d)
{
	struct fuse_entry_param entry = {
			.attr = {.st_ino = d->d_ino, .st_mode = (mode_t)d->d_type << 12}};
	size_t left = l->room - l->used;
	size_t bytes = fuse_add_direntry_plus(l->req, NULL, 0, d->d_name, &entry, d->d_off);

	if (bytes > left)
		return bytes;
	if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0 &&
			entry_look_up(l->s, fuse_req_ctx(l->req), l->folder, d->d_name, &entry) !=
					0) {
		/* Gone by now, or not to be seen: the name alone, to be looked up later. */
		entry = (struct fuse_entry_param){
				.attr = {.st_ino = d->d_ino, .st_mode = (mode_t)d->d_type << 12}};
	}
	return fuse_add_direntry_plus(l->req, l->out + l->used, left, d->d_name, &entry, d->d_off);
}

/* Whether the entry found room. */
static bool
add(struct listing *l, const struct linux_dirent64 *d)
{
	struct stat shape = {.st_ino = d->d_ino, .st_mode = (mode_t)d->d_type << 12};
	size_t left = l->room - l->used, bytes;

	bytes = l->plus ? add_plus(l, d)
			: fuse_add_direntry(l->req, l->out + l->used, left, d->d_name, &shape,
					  d->d_off);
	if (bytes > left)
		return false;
	l->used += bytes;
	return true;
}

/* Fills the listing from `offset` on. 0, or -1 with errno. */
static int
fill(struct listing *l, int fd, off_t offset)
{
	char *entries = malloc(LISTING_BYTES);
	bool room = true;
	long got = -1;

	if (entries != NULL && lseek(fd, offset, SEEK_SET) >= 0)
		do {
			got = syscall(SYS_getdents64, fd, entries, LISTING_BYTES);
			for (long at = 0; room && at < got;) {
				const struct linux_dirent64 *d = (void *)(entries + at);

				room = add(l, d);
				at += d->d_reclen;
			}
		} while (room && got > 0);
	free(entries);
	/* What was read before an error is given first. */
	return got >= 0 || l->used > 0 ? 0 : -1;
}

static void
list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, uint64_t handle, bool plus)
{
	struct session *s = session_of(req);
	int fd = open_files_fd(s->executor->opens, s->client, handle, OPEN_FOLDER);
	struct listing l = {.req = req,
			.s = s,
			.folder = ino,
			.plus = plus,
			.out = data_room(s->executor),
			.room = size};

	if (fd < 0 || fill(&l, fd, offset) != 0)
		answer_errno(req, errno);
	else
		(void)fuse_reply_buf(req, l.out, l.used);
}

void
op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	list(req, ino, size, offset, fi->fh, false);
}

void
op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	list(req, ino, size, offset, fi->fh, true);
}

void
op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct session *s = session_of(req);
	int result = open_files_release(s->executor->opens, s->client, fi->fh, OPEN_FOLDER);

	(void)ino;
	answer_errno(req, result == 0 ? 0 : errno);
}

void
op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int data_only, struct fuse_file_info *fi)
{
	struct session *s = session_of(req);
	int fd = open_files_fd(s->executor->opens, s->client, fi->fh, OPEN_FOLDER);

	(void)ino;
	if (fd < 0 || (data_only ? fdatasync(fd) : fsync(fd)) != 0)
		answer_errno(req, errno);
	else
		answer_errno(req, 0);
}
