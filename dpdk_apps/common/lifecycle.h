/*
 * The life of every program here: it starts, says that it is ready, works
 * until a signal or its own end, and leaves its statistics.
 *
 * stdout carries only protocol lines (`@ready ...`); everything for people goes
 * to stderr as `<program>: <message>`. Exit codes: 0 done, 1 failed, 2 wrong use,
 * 3 the primary died.
 */
#ifndef COMMON_LIFECYCLE_H
#define COMMON_LIFECYCLE_H

#include <stdbool.h>

enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_WRONG_USE = 2,
	EXIT_PRIMARY_DIED = 3,
};

/* What a poller does when it found nothing to do. */
enum idle_policy {
	IDLE_SPIN,  /* pause instruction, keep the CPU */
	IDLE_YIELD, /* sched_yield(): lets another poller on the same CPU run */
};

/* Installs handlers for SIGINT and SIGTERM that only ask to stop; `program` names the messages. */
int lifecycle_begin(const char *program);

/* Whether a signal asked to stop. Cheap enough for every turn of a polling loop. */
bool lifecycle_stopping(void);

/* A descriptor that becomes readable when a stop was asked for: for loops that block in epoll.
 * Never read from it. */
int lifecycle_stop_fd(void);

/* Asks to stop, as a signal would. */
void lifecycle_stop(void);

/* Prints "@ready" and the formatted rest as one line, and flushes it. */
void lifecycle_ready(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Prints "@done" as a line: the work is done and every file is written. Then sleeps
 * until a signal asks to stop. A peer over shared memory crashes if this end goes
 * away while it polls (memif unmaps the rings under it), so it is stopped first.
 */
void lifecycle_linger(void);

/* Prints "<program>: " and the message to stderr. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Reads "spin" or "yield". False if it is neither. */
bool idle_parse(const char *text, enum idle_policy *policy);

void idle_wait(enum idle_policy policy);

#endif
