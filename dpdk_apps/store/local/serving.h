/*
 * Requests from /dev/fuse to an executor in the same process, and its answers back: one thread.
 */
#ifndef STORE_SERVING_H
#define STORE_SERVING_H

#include "executor.h"
#include "mounting.h"

/* Serves until a signal asks to stop or the file system was unmounted by somebody; then unmounts.
 * 0, or -1 after one clear line. */
int serve(struct mounting *m, struct executor *e);

#endif
