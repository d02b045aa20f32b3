/* What the parts of the server share: server.c (its life), server_sessions.c (who is there),
 * server_in.c (what it takes), server_out.c (what it sends). */
#ifndef STORE_SERVER_INTERNAL_H
#define STORE_SERVER_INTERNAL_H

#include <stdbool.h>

#include "fragments.h"
#include "server.h"

enum slot_state {
	SLOT_EMPTY,   /* nothing was carried out under `id`, which was given up or is no one's */
	SLOT_PARTIAL, /* fragments of the request are missing */
	SLOT_RUNNING, /* is being carried out */
	SLOT_DONE,    /* the answer is kept */
};

struct slot {
	uint64_t id;	 /* the last that came */
	uint64_t active; /* the tick of the last fragment that came or went */
	uint8_t *memory; /* room for a request, and behind it for an answer */
	enum slot_state state;
	bool used;    /* `id` is one */
	bool stalled; /* fragments of the answer wait for the carrier or the window */
	struct receiving in;
	struct sending out;
};

struct session {
	uint64_t client; /* its epoch; 0: nobody has this place */
	uint64_t heard;	 /* the tick of its last packet */
	uint32_t number; /* as clients name it: a generation and the place */
	uint32_t peer;
	uint32_t flight; /* fragments of answers that are under way */
	uint32_t part;	 /* bytes of a fragment */
	uint64_t bytes;	 /* of `memory` */
	bool stalled;	 /* one of its slots is */
	struct hello agreed;
	struct slot *slots;
	uint8_t *memory;
};

struct rpc_server {
	struct rpc_server_config config;
	struct session *sessions;
	uint64_t bytes;	  /* of all sessions */
	uint64_t expires; /* nothing is too old before this tick */
	uint32_t generation;
	bool stalled; /* one of its sessions is */
	struct refusal refusal;
	struct hello refused; /* what that client wanted */
	struct rpc_server_counts counts;
};

/* server_sessions.c */
struct session *server_session_find(struct rpc_server *s, uint32_t number, uint64_t client);
/* Whether one of its requests is in the middle of run(): then it must not end. */
bool server_session_runs(const struct session *session);
void server_session_end(struct rpc_server *s, struct session *session);
/* The same of one that had begun: the user hears of it. */
void server_session_leave(struct rpc_server *s, struct session *session);
void server_session_hello(
		struct rpc_server *s, uint32_t peer, const struct packet *p, uint64_t now);
void server_sessions_expire(struct rpc_server *s, uint64_t now);

/* server_out.c: a packet that answers `to`, of a session or of none. */
void server_reply(struct rpc_server *s, uint32_t peer, const struct packet *to,
		enum packet_type type, const uint8_t *payload, uint32_t length);

/* Tells which fragments of the slot's request are there (none where `slot` is NULL). */
void server_have(struct rpc_server *s, struct session *session, struct slot *slot,
		const struct packet *to, uint16_t flags);

/* Sends what the window allows of the slot's answer. */
void server_pump(struct rpc_server *s, struct session *session, struct slot *slot, uint64_t now);

/* The same for all that wait. */
void server_pump_stalled(struct rpc_server *s, uint64_t now);

#endif
