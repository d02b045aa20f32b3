/* Options that name ports and how they are brought up, as in options.h. */
#ifndef COMMON_DPDK_PORT_OPTIONS_H
#define COMMON_DPDK_PORT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Of a queue, where the user does not say. */
#define PORT_DESCRIPTORS 1024

/* Reads a mask of ports, hexadecimal with or without 0x. False after a message. */
bool port_mask_read(const char *name, const char *text, uint64_t *mask);

/* How many descriptors a queue is to have. False after a message. */
bool option_descriptors(const char *name, const char *text, uint16_t *count);

#endif
