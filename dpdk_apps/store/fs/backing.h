/*
 * The folder that is served, and whether its file system can do what a store needs of it.
 */
#ifndef STORE_BACKING_H
#define STORE_BACKING_H

#include "executor.h"

/* The folder, opened for reading, once its file system was seen to give file handles that open
 * again, and to sync where `durability` needs it. -1 after one clear line. */
int backing_open(const char *path, enum durability durability);

#endif
