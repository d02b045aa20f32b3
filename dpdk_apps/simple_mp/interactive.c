#include "interactive.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "lifecycle.h"
#include "prompt.h"

#define ANSWER_MS 1000

/* Puts an object with the text on the ring. Whether it could. */
static bool
send_text(const struct space *s, const struct prompt_line *p)
{
	struct object *o;

	if (rte_mempool_get(s->pool, (void **)&o) != 0) {
		complain("no free object in the mempool");
		return false;
	}
	o->length = (uint32_t)p->length;
	o->kind = OBJECT_TEXT;
	o->out = 1;
	o->seq = 0;
	memcpy(o->message, p->text, p->length);
	if (rte_ring_enqueue_elem(s->down, &o, sizeof(o)) == 0)
		return true;
	o->out = 0;
	rte_mempool_put(s->pool, o);
	complain("the ring to the secondaries is full");
	return false;
}

/* What comes back goes to the mempool; says who had it. Whether anything came. */
static bool
take_answer(const struct space *s)
{
	struct reply reply;
	struct object *o;

	if (rte_ring_dequeue_elem(s->up, &reply, sizeof(reply)) != 0)
		return false;
	o = reply_object(&reply);
	o->out = 0;
	complain("secondary %u has it", reply_place(&reply));
	rte_mempool_put(s->pool, o);
	return true;
}

static void
wait_answer(const struct space *s)
{
	struct clock_mark begin = clock_mark();

	while (!lifecycle_stopping()) {
		if (take_answer(s))
			return;
		if (clock_mark().raw_ns - begin.raw_ns > ANSWER_MS * UINT64_C(1000000)) {
			complain("no secondary took it yet");
			return;
		}
		idle_wait(IDLE_YIELD);
	}
}

/* False: to end. */
static bool
obey(const struct space *s, const char *line, size_t length)
{
	struct prompt_line p = prompt_read(line, length, SPACE_MAX_MESSAGE);

	switch (p.command) {
	case PROMPT_QUIT:
		return false;
	case PROMPT_SEND:
		if (send_text(s, &p))
			wait_answer(s);
		return true;
	case PROMPT_NO_TEXT:
		complain("send what? Write: send <text>");
		return true;
	case PROMPT_TOO_LONG:
		complain("%zu bytes are too many for a message: at most %d", p.length,
				SPACE_MAX_MESSAGE);
		return true;
	case PROMPT_NOTHING:
		return true;
	case PROMPT_UNKNOWN:
		break;
	}
	complain("'%.*s' is no command; there are: send <text>, quit", (int)p.length, p.text);
	return true;
}

/* Waits for stdin to have something, or for a stop. Whether there is something to read. */
static bool
wait_input(void)
{
	struct pollfd fds[] = {
			{.fd = fileno(stdin), .events = POLLIN},
			{.fd = lifecycle_stop_fd(), .events = POLLIN},
	};

	return poll(fds, 2, -1) > 0 && !lifecycle_stopping();
}

void
interactive_run(const struct space *s)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t length = 0;
	bool goes_on = true;

	/* Unbuffered, so that poll() knows of every line that is still to be read. */
	(void)setvbuf(stdin, NULL, _IONBF, 0);
	while (goes_on) {
		(void)fprintf(stderr, "simple_mp> ");
		if (!wait_input())
			break;
		length = getline(&line, &room, stdin);
		while (take_answer(s)) /* of a text that nobody took at once */
			continue;
		goes_on = length >= 0 && obey(s, line, (size_t)length);
	}
	free(line);
}
