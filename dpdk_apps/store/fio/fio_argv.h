/* What fio is called with. */
#ifndef STORE_FIO_ARGV_H
#define STORE_FIO_ARGV_H

#include "fio_options.h"

#define FIO_WORDS_MAX 32
#define FIO_WORD_BYTES 4200

struct fio_argv {
	char *words[FIO_WORDS_MAX]; /* ends with NULL */
	char text[FIO_WORDS_MAX][FIO_WORD_BYTES];
	int count;
	bool fits; /* false: a path is too long */
};

/* `log` is how the names of fio's logs begin. */
void fio_argv_make(struct fio_argv *argv, const struct fio_arguments *a, const char *log);

#endif
