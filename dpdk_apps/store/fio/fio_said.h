/* What fio says of its run beside its log: how many operations failed, and why it ended. */
#ifndef STORE_FIO_SAID_H
#define STORE_FIO_SAID_H

#include <stdint.h>

struct fio_said {
	uint64_t errors;     /* operations that failed; it went on */
	char complaint[256]; /* its last message; "": none */
};

/* Reads what `fio --output-format=json --output=PATH` left, among whose lines its messages are. 0,
 * or -1 after one clear line. */
int fio_said_read(const char *path, struct fio_said *said);

#endif
