/*
 * The first packets that carry a record, at one end: `<name>.dump.txt` for people, and
 * `<name>.tx.pcap` and `<name>.rx.pcap` for Wireshark, scapy and the comparison after the
 * trial. How a packet looks to people is the caller's: rte_pktmbuf_dump(), or bytes.
 */
#ifndef MESSAGE_CAPTURE_H
#define MESSAGE_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "pcap_file.h"

enum capture_way { CAPTURE_TX, CAPTURE_RX, CAPTURE_WAYS };

struct capture {
	uint32_t left[CAPTURE_WAYS]; /* packets still to be kept */
	struct pcap_file *pcap[CAPTURE_WAYS];
	struct atomic_file *text;
};

/* The options of how many packets are kept, and that their files have a name if there are any.
 * False after a message. */
bool option_dump(const char *name, const char *text, uint32_t *packets);
bool capture_options_check(uint32_t packets, const char *name);

/* Keeps the first `packets` each way; opens nothing where that is 0. 0, or -1 after a message. */
int capture_begin(struct capture *c, const char *name, uint32_t packets, enum pcap_link link);

/* Puts the files into their places. 0, or -1 after a message. */
int capture_end(struct capture *c);

/* Whether another packet that goes this way is wanted. */
static inline bool
capture_wants(const struct capture *c, enum capture_way way)
{
	return c->left[way] > 0;
}

/* Keeps a packet, headed by a line of its own in the text. Returns the text, for the caller to
 * describe the packet in. */
FILE *capture_add(struct capture *c, enum capture_way way, const uint8_t *bytes, uint32_t n);

/* Keeps the records that stand one after another in `n` bytes. */
void capture_records(struct capture *c, enum capture_way way, const uint8_t *bytes, size_t n);

/* Bytes as offset, hexadecimal and characters, 16 a line. */
void capture_hexdump(FILE *to, const uint8_t *bytes, uint32_t n);

#endif
