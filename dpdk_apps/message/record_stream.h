/*
 * Records one after another in a stream: the length in each header tells where the next
 * begins, however the bytes were cut or joined on their way.
 */
#ifndef MESSAGE_RECORD_STREAM_H
#define MESSAGE_RECORD_STREAM_H

#include <stddef.h>
#include <stdint.h>

/* Longest record. */
#define RECORD_STREAM_MAX_BYTES (UINT16_MAX + 28)

/* Bytes of the whole records at the beginning of `from`, and how many there are; SIZE_MAX where it
 * is no stream of records. */
size_t record_stream_whole(const uint8_t *from, size_t n, uint64_t *records);

#endif
