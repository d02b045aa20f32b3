#include "stats.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct thread_facts {
	char name[64];
	char allowed[256];
	uint64_t voluntary;
	uint64_t involuntary;
	uint64_t last_cpu;
};

/* The value after "key:" and blanks, without its line end, if `line` has that key. */
static bool
value_of(const char *line, const char *key, char *to, size_t size)
{
	size_t length = strlen(key);

	if (strncmp(line, key, length) != 0 || line[length] != ':')
		return false;
	line += length + 1;
	line += strspn(line, " \t");
	(void)snprintf(to, size, "%.*s", (int)strcspn(line, "\n"), line);
	return true;
}

static bool
read_status(const char *tid, struct thread_facts *facts)
{
	char path[64];
	char line[512];
	char number[32];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%.16s/status", tid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	while (fgets(line, sizeof(line), f) != NULL) {
		(void)value_of(line, "Name", facts->name, sizeof(facts->name));
		(void)value_of(line, "Cpus_allowed_list", facts->allowed, sizeof(facts->allowed));
		if (value_of(line, "voluntary_ctxt_switches", number, sizeof(number)))
			facts->voluntary = strtoull(number, NULL, 10);
		if (value_of(line, "nonvoluntary_ctxt_switches", number, sizeof(number)))
			facts->involuntary = strtoull(number, NULL, 10);
	}
	(void)fclose(f);
	return true;
}

/* proc(5): "processor" is the 39th field of stat; the name, which may hold anything, ends with the
 * last ')'. */
static bool
read_last_cpu(const char *tid, struct thread_facts *facts)
{
	char path[64];
	char text[1024];
	char *at;
	FILE *f;
	size_t length;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%.16s/stat", tid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	length = fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	text[length] = '\0';
	at = strrchr(text, ')');
	for (int field = 2; at != NULL && field < 39; field++) {
		at = strchr(at, ' ');
		at = at != NULL ? at + 1 : NULL;
	}
	if (at == NULL)
		return false;
	facts->last_cpu = strtoull(at, NULL, 10);
	return true;
}

void
stats_threads(struct stats *s)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;

	stats_array_begin(s, "threads");
	while (tasks != NULL && (entry = readdir(tasks)) != NULL) {
		struct thread_facts facts = {0};

		/* A thread may end between the listing and the reading: then it is no thread of
		 * ours any more. */
		if (!isdigit((unsigned char)entry->d_name[0]) ||
				!read_status(entry->d_name, &facts) ||
				!read_last_cpu(entry->d_name, &facts))
			continue;
		stats_object_begin(s, NULL);
		stats_count(s, "tid", strtoull(entry->d_name, NULL, 10));
		stats_string(s, "name", facts.name);
		stats_string(s, "allowed", facts.allowed);
		stats_count(s, "last_cpu", facts.last_cpu);
		stats_count(s, "voluntary_switches", facts.voluntary);
		stats_count(s, "involuntary_switches", facts.involuntary);
		stats_object_end(s);
	}
	if (tasks != NULL)
		(void)closedir(tasks);
	stats_array_end(s);
}
