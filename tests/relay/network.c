/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* unshare, setns */
#include "network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel's default of 500 packets is less than one window at full speed. */
#define TUN_QUEUE 10000

/* ------------------------------------------------ namespaces */

static bool write_file(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    bool done = write(file, text, strlen(text)) == (ssize_t)strlen(text);
    (void)close(file);
    return done;
}

/* Root in a user namespace of our own may do in its network namespaces what root may do outside. */
static bool become_root(void)
{
    char users[64], groups[64];
    (void)snprintf(users, sizeof users, "0 %u 1", (unsigned)geteuid());
    (void)snprintf(groups, sizeof groups, "0 %u 1", (unsigned)getegid());
    return unshare(CLONE_NEWUSER) == 0 && write_file("/proc/self/setgroups", "deny") &&
           write_file("/proc/self/uid_map", users) && write_file("/proc/self/gid_map", groups);
}

static int this_space(void)
{
    return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

static bool enter(int space)
{
    return setns(space, CLONE_NEWNET) == 0;
}

bool network_enter(const struct network *network, enum side side)
{
    return enter(network->space[side]);
}

/* ------------------------------------------------ devices */

static bool set(int socket, unsigned long request, struct ifreq *what)
{
    return ioctl(socket, request, what) == 0;
}

static struct ifreq named(const char *name)
{
    struct ifreq what = {0};
    (void)snprintf(what.ifr_name, sizeof what.ifr_name, "%s", name);
    return what;
}

static bool up(int socket, const char *name)
{
    struct ifreq what = named(name);
    if (!set(socket, SIOCGIFFLAGS, &what))
        return false;
    what.ifr_flags = (short)(what.ifr_flags | IFF_UP);
    return set(socket, SIOCSIFFLAGS, &what);
}

static bool address(int socket, const char *name, unsigned long request, const char *text)
{
    struct ifreq what = named(name);
    struct sockaddr_in in = {.sin_family = AF_INET};
    (void)inet_pton(AF_INET, text, &in.sin_addr);
    memcpy(&what.ifr_addr, &in, sizeof in);
    return set(socket, request, &what);
}

static bool sizes(int socket, const char *name)
{
    struct ifreq mtu = named(name), queue = named(name);
    mtu.ifr_mtu = NETWORK_MTU;
    queue.ifr_qlen = TUN_QUEUE;
    (void)set(socket, SIOCSIFTXQLEN, &queue); /* only root outside may; without it TCP has more to repair */
    return set(socket, SIOCSIFMTU, &mtu);
}

/* The device of the namespace that we are in. -1 with errno. */
static int tun_open(const char *ours, const char *theirs)
{
    int tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (tun < 0)
        return -1;
    struct ifreq what = named("relay");
    what.ifr_flags = IFF_TUN | IFF_NO_PI;
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool done = s >= 0 && set(tun, TUNSETIFF, &what) && sizes(s, "relay") && address(s, "relay", SIOCSIFADDR, ours) &&
                address(s, "relay", SIOCSIFDSTADDR, theirs) && up(s, "relay") && up(s, "lo");
    int error = errno;
    if (s >= 0)
        (void)close(s);
    if (!done) {
        (void)close(tun);
        errno = error;
        return -1;
    }
    return tun;
}

/* ------------------------------------------------ both */

static const char *why(const char *what)
{
    static char text[160];
    (void)snprintf(text, sizeof text, "%s: %s", what, strerror(errno));
    return text;
}

static const char *make_side(struct network *network, enum side side)
{
    if (unshare(CLONE_NEWNET) < 0)
        return why("no network namespace can be made");
    network->space[side] = this_space();
    network->tun[side] =
        side == SIDE_A ? tun_open(ADDRESS_A, ADDRESS_B) : tun_open(ADDRESS_B, ADDRESS_A); /* point to point */
    return network->tun[side] < 0 ? why("/dev/net/tun cannot be used") : NULL;
}

const char *network_make(struct network *network)
{
    *network = (struct network){.home = this_space(), .space = {-1, -1}, .tun = {-1, -1}};
    const char *problem = make_side(network, SIDE_A);
    if (problem && network->space[SIDE_A] < 0 && errno == EPERM)
        problem = become_root() ? make_side(network, SIDE_A) : why("no user namespace can be made");
    if (!problem)
        problem = make_side(network, SIDE_B);
    if (problem)
        network_free(network);
    return problem;
}

void network_free(struct network *network)
{
    int all[] = {network->tun[SIDE_A], network->tun[SIDE_B], network->space[SIDE_A], network->space[SIDE_B]};
    if (network->home >= 0) {
        (void)enter(network->home); /* not with a user namespace of our own: then it goes with the process */
        (void)close(network->home);
    }
    for (int i = 0; i < 4; i++)
        if (all[i] >= 0)
            (void)close(all[i]);
}
