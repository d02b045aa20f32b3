/* The command line of store_fio. */
#ifndef STORE_FIO_OPTIONS_H
#define STORE_FIO_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "generator_options.h"
#include "option_reader.h"

#define FIO_NAME "store_fio"

enum fio_op { FIO_READ, FIO_WRITE, FIO_MIXED };
enum fio_engine { FIO_PSYNC, FIO_IO_URING };

extern const char *const fio_op_names[];
extern const char *const fio_engine_names[];

struct fio_arguments {
	const char *file; /* that it works on; made and filled where it is not there */
	uint32_t size;	  /* bytes of an operation */
	uint32_t file_mb;
	uint32_t write_percent; /* of FIO_MIXED */
	uint32_t depth;
	int op;				  /* enum fio_op */
	int engine;			  /* enum fio_engine */
	const char *json;		  /* what fio says itself */
	struct generator_options measure; /* as far as MEASURING_LONG_OPTIONS say */
};

struct fio_arguments fio_defaults(void);

/* Reads into a struct fio_arguments. */
extern const struct option_reader fio_options;

#endif
