/* Who starts anew is somebody else. */
#ifndef STORE_EPOCH_H
#define STORE_EPOCH_H

#include <stdint.h>

/* Random, never 0: another with every start. 0, or -1 after one clear line. */
int epoch_draw(uint64_t *epoch);

#endif
