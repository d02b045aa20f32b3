/*
 * Packets in a file that Wireshark, tcpdump and scapy read: classic pcap with
 * nanoseconds (magic 0xa1b23c4d), in this machine's byte order as the format allows
 * (draft-ietf-opsawg-pcap).
 */
#ifndef MESSAGE_PCAP_FILE_H
#define MESSAGE_PCAP_FILE_H

#include <stddef.h>
#include <stdint.h>

/* What the packets of a file begin with. */
enum pcap_link {
	PCAP_ETHERNET = 1,
	PCAP_USER = 147, /* of the user's own: records without frames, as they cross TCP */
};

struct pcap_file;

/* Opens `path` under a temporary name. NULL with errno set. */
struct pcap_file *pcap_file_open(const char *path, enum pcap_link link);

/* Appends a packet that was seen at `ns` since 1970. What goes wrong shows when it is closed. */
void pcap_file_add(struct pcap_file *f, const uint8_t *bytes, uint32_t n, uint64_t ns);

/* Puts the file into its place. 0, or -1 with errno set. */
int pcap_file_close(struct pcap_file *f);

#endif
