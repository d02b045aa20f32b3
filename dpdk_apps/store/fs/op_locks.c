#include "operations.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

/* The file that is locked: every client's node of it is another. */
static const struct file_id *
locked_file(struct session *s, fuse_ino_t ino)
{
	return nodes_file(s->executor->nodes, s->client, ino);
}

static struct lock_range
range_of(const struct flock *lock)
{
	/* libfuse makes a length of the end, and 0 of "to the end of the file". */
	return (struct lock_range){.start = (uint64_t)lock->l_start,
			.end = lock->l_len == 0 ? INT64_MAX
						: (uint64_t)(lock->l_start + lock->l_len - 1),
			.type = lock->l_type,
			.pid = (uint32_t)lock->l_pid};
}

static bool
is_type(int type)
{
	return type == F_RDLCK || type == F_WRLCK || type == F_UNLCK;
}

void
op_getlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *lock)
{
	struct session *s = session_of(req);
	struct lock_holder holder = {.client = s->client, .owner = fi->lock_owner};
	const struct file_id *file = locked_file(s, ino);
	struct lock_range range = range_of(lock), other;
	struct flock found = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

	if (file == NULL || !is_type(lock->l_type)) {
		answer_errno(req, file == NULL ? errno : EINVAL);
		return;
	}
	other = locks_find(s->executor->locks, file, &holder, &range);
	if (other.type != F_UNLCK)
		found = (struct flock){.l_type = (short)other.type,
				.l_whence = SEEK_SET,
				.l_start = (off_t)other.start,
				.l_len = other.end == INT64_MAX
							 ? 0
							 : (off_t)(other.end - other.start + 1),
				.l_pid = (pid_t)other.pid};
	(void)fuse_reply_lock(req, &found);
}

static void
set(fuse_req_t req, fuse_ino_t ino, const struct lock_holder *holder,
		const struct lock_range *range)
{
	struct session *s = session_of(req);
	const struct file_id *file = locked_file(s, ino);

	if (file == NULL || !is_type(range->type))
		answer_errno(req, file == NULL ? errno : EINVAL);
	else
		answer_errno(req, locks_set(s->executor->locks, file, holder, range));
}

void
op_setlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *lock, int sleep)
{
	struct session *s = session_of(req);
	struct lock_holder holder = {.client = s->client, .owner = fi->lock_owner};
	struct lock_range range = range_of(lock);

	/* Who waits asks again: executor.h. */
	(void)sleep;
	set(req, ino, &holder, &range);
}

void
op_flock(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, int operation)
{
	struct session *s = session_of(req);
	struct lock_holder holder = {
			.client = s->client, .owner = fi->lock_owner, .whole_file = true};
	int kind = operation & ~LOCK_NB;
	struct lock_range range = {.end = INT64_MAX,
			.type = kind == LOCK_SH	  ? F_RDLCK
				: kind == LOCK_EX ? F_WRLCK
						  : F_UNLCK};

	set(req, ino, &holder, &range);
}

void
locks_end(struct session *s, fuse_ino_t ino, uint64_t owner, bool whole_file)
{
	struct lock_holder holder = {.client = s->client, .owner = owner, .whole_file = whole_file};
	struct lock_range all = {.end = INT64_MAX, .type = F_UNLCK};
	const struct file_id *file = locked_file(s, ino);

	/* To give back everything needs no room, so it cannot fail. */
	if (file != NULL)
		(void)locks_set(s->executor->locks, file, &holder, &all);
}
