#include "memif_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lifecycle.h"

/* The path in "net_memif0,role=server,socket-abstract=no,socket=/run/x.sock", or false if it is no
 * such server. */
static bool
server_path(const char *vdev, struct sockaddr_un *address)
{
	char text[512];
	char *rest = NULL;
	bool server = false;
	bool file = false;
	size_t length = strlen(vdev);

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strncmp(vdev, "net_memif", strlen("net_memif")) != 0 || length >= sizeof(text))
		return false;
	memcpy(text, vdev, length + 1);
	for (char *key = strtok_r(text, ",", &rest); key != NULL;
			key = strtok_r(NULL, ",", &rest)) {
		if (strcmp(key, "role=server") == 0)
			server = true;
		else if (strcmp(key, "socket-abstract=no") == 0)
			file = true;
		else if (strncmp(key, "socket=", 7) == 0)
			(void)snprintf(address->sun_path, sizeof(address->sun_path), "%s", key + 7);
	}
	return server && file && address->sun_path[0] != '\0';
}

static int
clear(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat status;
	int error;

	if (fd < 0) {
		complain("no socket to look at %s with: %s", address->sun_path, strerror(errno));
		return -1;
	}
	error = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : errno;
	(void)close(fd);
	switch (error) {
	case ENOENT:
		return 0;
	case ECONNREFUSED:
		/* So does a file that is no socket: somebody else's. */
		if (lstat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) {
			complain("%s is in the way of a memif server's socket: remove it, or use "
				 "another path",
					address->sun_path);
			return -1;
		}
		if (unlink(address->sun_path) != 0) {
			complain("cannot remove the dead socket %s: %s", address->sun_path,
					strerror(errno));
			return -1;
		}
		complain("removed %s, a socket that nobody listened on", address->sun_path);
		return 0;
	default:
		complain("%s belongs to a memif server that runs: end that first, or use another "
			 "path",
				address->sun_path);
		return -1;
	}
}

int
memif_sockets_clear(const struct arguments *a)
{
	struct sockaddr_un address;

	for (int i = 1; i < a->eal_count; i++) {
		const char *vdev = NULL;

		if (strncmp(a->eal[i], "--vdev=", 7) == 0)
			vdev = a->eal[i] + 7;
		else if (strcmp(a->eal[i], "--vdev") == 0 && i + 1 < a->eal_count)
			vdev = a->eal[i + 1];
		if (vdev != NULL && server_path(vdev, &address) && clear(&address) != 0)
			return -1;
	}
	return 0;
}
