/* A stand-in for Android's own library: writes down what it is asked, refuses the network 666, and knows names as the system
 * does. Tests put its folder on LD_LIBRARY_PATH. */
#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static void note(const char *what, uint64_t network, const char *name)
{
    FILE *log = fopen(getenv("FAKE_ANDROID_LOG"), "a");
    if (log) {
        fprintf(log, "%s %llu %s\n", what, (unsigned long long)network, name);
        fclose(log);
    }
}

int android_setsocknetwork(uint64_t network, int fd)
{
    int type = 0;
    socklen_t size = sizeof type;
    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
    note("socket", network, type == SOCK_STREAM ? "tcp" : "udp");
    if (network == 666) {
        errno = ENETUNREACH;
        return -1;
    }
    return 0;
}

int android_getaddrinfofornetwork(uint64_t network, const char *node, const char *service, const struct addrinfo *hints,
                                  struct addrinfo **res)
{
    note("name", network, node);
    return getaddrinfo(node, service, hints, res);
}
