/* What TCP is to transport.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "options.h"
#include "tcp_client.h"
#include "tcp_server.h"

struct driver_options {
	enum transport_end end;
	struct sockaddr_in address;
	enum tcp_mode mode;
	bool has_address;
};

/* One of the two. */
struct driver {
	enum tcp_mode mode;
	struct tcp_server *server;
	struct tcp_client *client;
};

enum tcp_option { ADDRESS = TRANSPORT_OPTION_FIRST, MODE };

static const struct option server_table[] = {
		{"listen", required_argument, NULL, ADDRESS},
		{"mode", required_argument, NULL, MODE},
		{NULL, 0, NULL, 0},
};
static const struct option client_table[] = {
		{"connect", required_argument, NULL, ADDRESS},
		{"mode", required_argument, NULL, MODE},
		{NULL, 0, NULL, 0},
};

const char *const transport_name = "tcp";
const bool driver_beside_eal = false;
const char *const driver_letters = "";

const struct option *
driver_option_table(enum transport_end end)
{
	return end == TRANSPORT_SERVER ? server_table : client_table;
}

void
driver_help(enum transport_end end)
{
	(void)fputs(end == TRANSPORT_SERVER
					? "  --listen IP:PORT    on this address alone, and only "
					  "over the interface that has it\n"
					: "  --connect IP:PORT   the server\n",
			stdout);
	(void)fputs("  --mode block|poll   sleep until something comes, or never sleep (block)\n",
			stdout);
}

struct driver_options *
driver_options_create(enum transport_end end)
{
	struct driver_options *o = calloc(1, sizeof(*o));

	if (o != NULL)
		*o = (struct driver_options){.end = end, .mode = TCP_BLOCK};
	return o;
}

void
driver_options_free(struct driver_options *o)
{
	free(o);
}

int
driver_split(struct driver_options *o, int *argc, char ***argv)
{
	(void)o;
	(void)argc;
	(void)argv;
	return 0;
}

static const char *
address_option(const struct driver_options *o)
{
	return o->end == TRANSPORT_SERVER ? "--listen" : "--connect";
}

bool
driver_take(struct driver_options *o, int option, const char *text)
{
	switch (option) {
	case ADDRESS:
		return o->has_address = option_address(address_option(o), text, &o->address);
	case MODE:
		return option_tcp_mode("--mode", text, &o->mode);
	default:
		return false;
	}
}

bool
driver_complete(struct driver_options *o)
{
	return option_given(o->has_address, address_option(o));
}

struct driver *
driver_open(const struct driver_options *o, int *code)
{
	struct driver *d = calloc(1, sizeof(*d));

	*code = EXIT_FAILED;
	if (d == NULL) {
		complain("out of memory");
		return NULL;
	}
	tcp_raise_socket_limit();
	d->mode = o->mode;
	if (o->end == TRANSPORT_SERVER) {
		d->server = tcp_server_create(&o->address, o->mode);
	} else {
		d->client = tcp_client_create(&o->address, o->mode);
		if (d->client == NULL)
			complain("cannot make the client: %s", strerror(errno));
	}
	if (d->server != NULL || d->client != NULL)
		return d;
	free(d);
	return NULL;
}

void
driver_close(struct driver *d)
{
	tcp_server_destroy(d->server);
	tcp_client_destroy(d->client);
	free(d);
}

struct carrier *
driver_carrier(struct driver *d)
{
	return d->server != NULL ? tcp_server_carrier(d->server) : tcp_client_carrier(d->client);
}

uint32_t
driver_peer(const struct driver *d)
{
	(void)d;
	return TCP_CLIENT_PEER;
}

bool
driver_connected(const struct driver *d)
{
	return d->server != NULL || tcp_client_connected(d->client);
}

void
driver_report(const struct driver *d, struct stats *s)
{
	const struct tcp_counts c = d->server != NULL ? tcp_server_counts(d->server)
						      : tcp_client_counts(d->client);

	stats_string(s, "mode", d->mode == TCP_BLOCK ? "block" : "poll");
	stats_array_begin(s, "queues");
	stats_object_begin(s, NULL);
	stats_count(s, "port", 0);
	stats_count(s, "queue", 0);
	stats_string(s, "driver", transport_name);
	stats_count(s, "rx_packets", c.rx_packets);
	stats_count(s, "tx_packets", c.tx_packets);
	stats_count(s, "rx_bytes", c.rx_bytes);
	stats_count(s, "tx_bytes", c.tx_bytes);
	stats_object_begin(s, "drops");
	for (int i = 0; i < TCP_DROPS; i++)
		stats_count(s, tcp_drop_names[i], c.drops[i]);
	stats_object_end(s);
	stats_object_end(s);
	stats_array_end(s);
	stats_object_begin(s, "tcp");
	stats_count(s, "connections", c.connections);
	stats_count(s, "retransmits", c.facts.retransmits);
	stats_count(s, "mss", c.facts.mss);
	stats_string(s, "congestion", c.facts.congestion);
	stats_count(s, "send_full", c.kept);
	stats_count(s, "refused_full", c.full);
	stats_object_end(s);
}
