#include "fio_argv.h"

#include <stdarg.h>
#include <stdio.h>

#define MS_PER_S 1000

static void __attribute__((format(printf, 2, 3))) word(struct fio_argv *v, const char *format, ...)
{
	va_list arguments;
	int n;

	if (v->count + 1 >= FIO_WORDS_MAX) {
		v->fits = false;
		return;
	}
	va_start(arguments, format);
	n = vsnprintf(v->text[v->count], FIO_WORD_BYTES, format, arguments);
	va_end(arguments);
	v->fits = v->fits && n >= 0 && n < FIO_WORD_BYTES;
	v->words[v->count] = v->text[v->count];
	v->words[++v->count] = NULL;
}

static uint32_t
milliseconds(double seconds)
{
	return (uint32_t)(seconds * MS_PER_S + 0.5);
}

static const char *
pattern(int op)
{
	switch ((enum fio_op)op) {
	case FIO_READ:
		return "randread";
	case FIO_WRITE:
		return "randwrite";
	case FIO_MIXED:
		break;
	}
	return "randrw";
}

void
fio_argv_make(struct fio_argv *v, const struct fio_arguments *a, const char *log)
{
	v->count = 0;
	v->fits = true;
	word(v, "fio");
	word(v, "--name=store");
	word(v, "--thread");
	word(v, "--filename=%s", a->file);
	word(v, "--size=%um", a->file_mb);
	word(v, "--bs=%u", a->size);
	word(v, "--rw=%s", pattern(a->op));
	if (a->op == FIO_MIXED)
		word(v, "--rwmixwrite=%u", a->write_percent);
	word(v, "--direct=1");
	word(v, "--ioengine=%s", fio_engine_names[a->engine]);
	word(v, "--iodepth=%u", a->depth);
	word(v, "--time_based");
	word(v, "--runtime=%ums", milliseconds(a->measure.window_s));
	word(v, "--ramp_time=%ums", milliseconds(a->measure.warmup_s));
	/* Any place may come again: no memory of which were visited, and no end of them. */
	word(v, "--norandommap");
	word(v, "--randrepeat=0");
	word(v, "--fallocate=none");
	/* One that fails (EIO) is one that is lost; after others fio ends all the same. */
	word(v, "--continue_on_error=io");
	word(v, "--lat_percentiles=1");
	word(v, "--write_lat_log=%s", log);
	word(v, "--per_job_logs=0");
	word(v, "--output-format=json");
	word(v, "--output=%s", a->json);
}
