#include "eal.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <mntent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "lifecycle.h"
#include "memif_socket.h"

static bool
asks_for_help(char *const argv[])
{
	for (; *argv != NULL; argv++)
		if (strcmp(*argv, "--help") == 0 || strcmp(*argv, "-h") == 0)
			return true;
	return false;
}

/* A copy of `count` pointers after the program's name, because getopt reorders them. */
static char **
part(char *program, char *const from[], int count)
{
	char **copy = calloc((size_t)count + 2, sizeof(*copy));

	if (copy == NULL)
		return NULL;
	copy[0] = program;
	memcpy(copy + 1, from, (size_t)count * sizeof(*copy));
	return copy;
}

int
arguments_split(struct arguments *a, int argc, char **argv)
{
	int at = 1;
	int eal;

	while (at < argc && strcmp(argv[at], "--") != 0)
		at++;
	eal = at - 1;
	if (at == argc && asks_for_help(argv)) {
		eal = 0;
		at = 0;
	}
	a->eal_count = eal + 1;
	a->app_count = at < argc ? argc - at : 1;
	a->eal = part(argv[0], argv + 1, eal);
	a->app = part(argv[0], argv + at + 1, a->app_count - 1);
	if (a->eal != NULL && a->app != NULL)
		return 0;
	arguments_free(a);
	return -1;
}

void
arguments_free(struct arguments *a)
{
	free(a->eal);
	free(a->app);
	a->eal = NULL;
	a->app = NULL;
}

/* The value of the EAL's option `name`, given as `--name value` or `--name=value`; the last one
 * counts. */
static const char *
eal_option(const struct arguments *a, const char *name, const char *otherwise)
{
	const char *value = otherwise;
	size_t length = strlen(name);

	for (int i = 1; i < a->eal_count; i++) {
		if (strncmp(a->eal[i], name, length) != 0)
			continue;
		if (a->eal[i][length] == '=')
			value = a->eal[i] + length + 1;
		else if (a->eal[i][length] == '\0' && i + 1 < a->eal_count)
			value = a->eal[i + 1];
	}
	return value;
}

/* The file whose lock the primary holds, where the EAL makes it. */
static void
primary_lock_path(const char *prefix, char *path, size_t size)
{
	const char *folder = getenv("RUNTIME_DIRECTORY");

	if (folder == NULL && getuid() == 0)
		folder = "/var/run";
	if (folder == NULL)
		folder = getenv("XDG_RUNTIME_DIR");
	if (folder == NULL)
		folder = "/tmp";
	(void)snprintf(path, size, "%s/dpdk/%s/config", folder, prefix);
}

/* Where the memory for huge pages stands, for a message: "/dev/hugepages: 12 of 64 MiB free; ..."
 */
static void
describe_hugepages(char *text, size_t size)
{
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	struct mntent *mount;
	size_t used = 0;

	text[0] = '\0';
	if (mounts == NULL)
		return;
	while ((mount = getmntent(mounts)) != NULL && used < size) {
		struct statfs fs;
		int n;

		if (strcmp(mount->mnt_type, "hugetlbfs") != 0 || statfs(mount->mnt_dir, &fs) != 0)
			continue;
		n = snprintf(text + used, size - used, "%s: %" PRIu64 " of %" PRIu64 " MiB free; ",
				mount->mnt_dir, (uint64_t)fs.f_bfree * (uint64_t)fs.f_bsize >> 20,
				(uint64_t)fs.f_blocks * (uint64_t)fs.f_bsize >> 20);
		used += n > 0 ? (size_t)n : 0;
	}
	(void)endmntent(mounts);
}

/* The kernel's pool of free huge pages of the default size; -1 if it cannot be read. */
static int64_t
free_hugepages(void)
{
	FILE *meminfo = fopen("/proc/meminfo", "r");
	char line[128];
	int64_t pages = -1;

	if (meminfo == NULL)
		return -1;
	while (fgets(line, sizeof(line), meminfo) != NULL)
		if (sscanf(line, "HugePages_Free: %" SCNd64, &pages) == 1)
			break;
	(void)fclose(meminfo);
	return pages;
}

/* Whether the group that the arguments name is in the state that they ask for: EXIT_DONE, or what
 * to exit with. */
static int
check_group(const struct arguments *a)
{
	const char *prefix = eal_option(a, "--file-prefix", "rte");
	const char *type = eal_option(a, "--proc-type", "primary");
	char path[512];
	bool runs;

	primary_lock_path(prefix, path, sizeof(path));
	runs = rte_eal_primary_proc_alive(path) != 0;
	if (!runs && strcmp(type, "secondary") == 0) {
		complain("no primary runs with --file-prefix %s: start the primary first and wait "
			 "for its @ready line, and give this secondary the same --file-prefix",
				prefix);
		return EXIT_FAILED;
	}
	if (runs && strcmp(type, "primary") == 0) {
		complain("a primary with --file-prefix %s runs already: end it, or use another "
			 "prefix, or join it with --proc-type secondary",
				prefix);
		return EXIT_FAILED;
	}
	/* A secondary has no sockets of its own: those of its primary are in use. */
	return runs || memif_sockets_clear(a) == 0 ? EXIT_DONE : EXIT_FAILED;
}

int
eal_begin(const struct arguments *a)
{
	char mounts[512];
	int code = check_group(a);

	if (code != EXIT_DONE)
		return code;
	/* stdout is for the ready line alone. */
	if (rte_openlog_stream(stderr) != 0) {
		complain("cannot send DPDK's messages to stderr");
		return EXIT_FAILED;
	}
	if (rte_eal_init(a->eal_count, a->eal) >= 0)
		return EXIT_DONE;
	describe_hugepages(mounts, sizeof(mounts));
	if (free_hugepages() == 0) {
		complain("DPDK does not start: the kernel's pool has no free huge page (%s); give "
			 "it "
			 "some: invoke setup-hugepages",
				mounts[0] != '\0' ? mounts : "and no hugetlbfs is mounted");
		return EXIT_FAILED;
	}
	complain("DPDK does not start (its own lines are above): %s. Huge pages: %s%" PRId64
		 " free in the kernel's pool; if they are what is missing: invoke setup-hugepages",
			rte_errno != 0 ? rte_strerror(rte_errno) : "see there",
			mounts[0] != '\0' ? mounts : "no hugetlbfs is mounted; ", free_hugepages());
	return EXIT_FAILED;
}

static void
remove_map_files(const char *folder, const char *prefix)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	char start[128];

	if (dir == NULL)
		return;
	(void)snprintf(start, sizeof(start), "%smap_", prefix);
	while ((entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, start, strlen(start)) == 0 &&
				unlinkat(dirfd(dir), entry->d_name, 0) != 0)
			complain("huge-page file %s/%s stays: %s", folder, entry->d_name,
					strerror(errno));
	(void)closedir(dir);
}

/* Nobody else can be the primary of this prefix before we are gone: our lock on its runtime file
 * lasts until then. */
static void
remove_hugepages(const struct arguments *a)
{
	const char *prefix = eal_option(a, "--file-prefix", "rte");
	const char *folder = eal_option(a, "--huge-dir", NULL);
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	struct mntent *mount;

	if (mounts == NULL)
		return;
	while ((mount = getmntent(mounts)) != NULL)
		if (strcmp(mount->mnt_type, "hugetlbfs") == 0 &&
				(folder == NULL || strcmp(folder, mount->mnt_dir) == 0))
			remove_map_files(mount->mnt_dir, prefix);
	(void)endmntent(mounts);
}

void
eal_end(const struct arguments *a)
{
	/*
	 * rte_eal_cleanup() of a primary unmaps memory that holds interrupt handles of its memif
	 * ports while DPDK's interrupt thread still looks at them: with a peer connected, one
	 * primary in eight crashed. The end of the process gives the same back; only files are left
	 * to do.
	 */
	if (rte_eal_process_type() == RTE_PROC_PRIMARY)
		remove_hugepages(a);
	else if (rte_eal_cleanup() != 0)
		complain("DPDK did not clean up after itself");
}

bool
eal_primary_alive(void)
{
	return rte_eal_primary_proc_alive(NULL) != 0;
}
