/* A descriptor that an event loop watches, and what is to be done when it is ready. */
#ifndef TCP_DISPATCH_WATCH_H
#define TCP_DISPATCH_WATCH_H

#include <stdint.h>
#include <sys/epoll.h>

struct watch {
	void (*ready)(struct watch *w, uint32_t events);
	int fd;
	uint32_t events; /* what is watched for now; 0: nothing, and it is not in epoll */
};

/* Watches for `events` from now on. 0, or -1 with errno set. */
static inline int
watch_set(int epoll, struct watch *w, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = w};
	int action = w->events == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;

	if (events == w->events)
		return 0;
	w->events = events;
	return epoll_ctl(epoll, action, w->fd, &event);
}

#endif
