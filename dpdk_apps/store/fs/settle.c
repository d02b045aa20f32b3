#include "operations.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int
settle_file(const struct executor *e, int fd)
{
	return e->durability == DURABILITY_DSYNC ? fsync(fd) : 0;
}

int
settle_node(struct session *s, fuse_ino_t ino)
{
	struct executor *e = s->executor;
	struct stat file;
	int fd, result;

	if (e->durability != DURABILITY_DSYNC)
		return 0;
	fd = nodes_path(e->nodes, s->client, ino);
	if (fd < 0 || fstat(fd, &file) != 0)
		return -1;
	/* Nothing else can be opened without waking what is behind it. */
	if (!S_ISREG(file.st_mode) && !S_ISDIR(file.st_mode))
		return syncfs(e->root);
	fd = nodes_reopen(e->nodes, s->client, ino, O_RDONLY);
	if (fd < 0)
		return -1;
	result = fsync(fd);
	(void)close(fd);
	return result;
}

double
attributes_timeout(const struct executor *e)
{
	return e->cache == CACHE_AUTO ? 1 : 0;
}
