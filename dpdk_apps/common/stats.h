/*
 * Statistics that a program leaves when it ends: one JSON object in one file,
 * written atomically. A small streaming writer; it never builds a tree.
 *
 * Every file has "schema": 1, "app", "role", "ticks_per_s", "queues" and "threads";
 * docs/stats-format.md lists the rest.
 */
#ifndef COMMON_STATS_H
#define COMMON_STATS_H

#include <stdbool.h>
#include <stdint.h>

struct stats;

/* Opens `path` under a temporary name. NULL with errno set on failure. */
struct stats *stats_open(const char *path, const char *app, const char *role);

/*
 * Opens the finished file `path`, for more fields behind those that it has: what is known only
 * after others had to find the file. NULL with errno set on failure; EINVAL: it is none of
 * stats_close().
 */
struct stats *stats_extend(const char *path);

void stats_string(struct stats *s, const char *key, const char *value);
void stats_count(struct stats *s, const char *key, uint64_t value);
void stats_number(struct stats *s, const char *key, double value);
void stats_flag(struct stats *s, const char *key, bool value);

/* `key` is NULL inside an array. */
void stats_object_begin(struct stats *s, const char *key);
void stats_object_end(struct stats *s);
void stats_array_begin(struct stats *s, const char *key);
void stats_array_end(struct stats *s);

/*
 * The "threads" array: for each thread of this process its tid, name, allowed CPUs
 * (cpulist), the CPU it ran on last, and its voluntary and involuntary context
 * switches, read from /proc/self/task.
 */
void stats_threads(struct stats *s);

/* Closes, fsyncs and renames into place. Returns 0, or -1 with errno set if anything of it failed
 * before. */
int stats_close(struct stats *s);

#endif
