/* Reads and writes of a file of the store, by FUSE's requests; what is read is checked. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "contents.h"
#include "epoch.h"
#include "lifecycle.h"
#include "store_file.h"
#include "versions.h"
#include "work.h"

/* The request of a room. */
struct pending {
	uint64_t unique;
	uint64_t block;
	uint32_t version; /* that is written; of a read: the oldest that it may find */
	bool writes;
};

struct store_work {
	struct work work; /* first */
	const struct load_options *options;
	struct store_file file;
	struct versions versions;
	struct fuse_requester requester;
	struct pending rooms[LOAD_DEPTH_MAX];
};

static int
begin(struct work *work, struct asking *a)
{
	struct store_work *w = (struct store_work *)work;

	if (store_file_begin(&w->file, a) != 0)
		return -1;
	w->requester = a->requester;
	return 0;
}

static int
end(struct work *work, struct asking *a)
{
	struct store_work *w = (struct store_work *)work;

	a->requester = w->requester;
	return store_file_end(&w->file, a);
}

static uint32_t
make(struct work *work, uint32_t room, uint64_t seq, uint8_t *to)
{
	struct store_work *w = (struct store_work *)work;
	struct pending *p = &w->rooms[room];
	const struct store_file *f = &w->file;
	uint32_t bytes;
	uint64_t offset;

	p->writes = work_writes(w->options, seq);
	p->block = work_random(w->options, seq) % f->count;
	if (p->writes)
		p->block = versions_choose(&w->versions, p->block);
	offset = p->block * f->block;
	if (p->writes) {
		p->version = versions_issue(&w->versions, p->block);
		bytes = fuse_request_write(&w->requester, to, &f->file, offset, f->block);
		contents_write(to + FUSE_REQUEST_HEAD, f->block, offset, p->version, f->writer);
	} else {
		p->version = versions_known(&w->versions, p->block);
		bytes = fuse_request_read(&w->requester, to, &f->file, offset, f->block);
	}
	p->unique = w->requester.unique;
	return bytes;
}

static enum message_error
judge_write(struct store_work *w, const struct pending *p, const uint8_t *answer, uint32_t bytes)
{
	struct fuse_write_out written;

	if (bytes != FUSE_WRITE_ANSWER)
		return MESSAGE_SHORT;
	memcpy(&written, answer + FUSE_ANSWER_HEAD, sizeof(written));
	if (written.size != w->file.block)
		return MESSAGE_SHORT;
	versions_acknowledge(&w->versions, p->block, p->version);
	w->work.writes++;
	return MESSAGE_OK;
}

static enum message_error
judge_read(struct store_work *w, const struct pending *p, const uint8_t *answer, uint32_t bytes)
{
	const struct store_file *f = &w->file;
	uint64_t version = 0;

	if (bytes != FUSE_ANSWER_HEAD + f->block)
		return MESSAGE_SHORT;
	switch (contents_check(answer + FUSE_ANSWER_HEAD, f->block, p->block * f->block, f->writer,
			&version)) {
	case CONTENTS_FOREIGN:
		return MESSAGE_FOREIGN;
	case CONTENTS_ELSEWHERE:
	case CONTENTS_DAMAGED:
		return MESSAGE_CORRUPT;
	case CONTENTS_RIGHT:
		break;
	}
	if (!versions_may_be(&w->versions, p->block, p->version, version))
		return MESSAGE_CORRUPT;
	w->work.reads++;
	return MESSAGE_OK;
}

static struct judgement
judge(struct work *work, uint32_t room, const uint8_t *request, const uint8_t *answer,
		uint32_t bytes)
{
	struct store_work *w = (struct store_work *)work;
	const struct pending *p = &w->rooms[room];
	struct judgement j = {.verdict = MESSAGE_OK};

	(void)request;
	switch (fuse_answer_read(answer, bytes, p->unique, &j.error)) {
	case FUSE_ANSWER_SHORT:
		j.verdict = MESSAGE_SHORT;
		break;
	case FUSE_ANSWER_FOREIGN:
		j.verdict = MESSAGE_FOREIGN;
		break;
	case FUSE_ANSWER_ERROR:
		break;
	case FUSE_ANSWERED:
		j.verdict = p->writes ? judge_write(w, p, answer, bytes)
				      : judge_read(w, p, answer, bytes);
		break;
	}
	return j;
}

static void
destroy(struct work *work)
{
	struct store_work *w = (struct store_work *)work;

	versions_end(&w->versions);
	free(w);
}

struct work *
store_work_create(const struct load_options *o)
{
	static const struct work_calls calls = {
			.begin = begin,
			.make = make,
			.judge = judge,
			.end = end,
			.destroy = destroy,
	};
	struct store_work *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		complain("out of memory");
		return NULL;
	}
	w->work.calls = &calls;
	w->options = o;
	w->file = (struct store_file){
			.name = o->name,
			.block = o->generator.size,
			.count = ((uint64_t)o->file_mb << 20) / o->generator.size,
	};
	if (versions_begin(&w->versions, w->file.count) != 0)
		complain("no memory for what is known of %u MiB: %s", o->file_mb, strerror(errno));
	else if (epoch_draw(&w->file.writer) == 0)
		return &w->work;
	destroy(&w->work);
	return NULL;
}
