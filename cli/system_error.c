/* SPDX-License-Identifier: MIT */
/* The names of errno's values: POSIX has no function for them. */
#include "system_error.h"

#include <errno.h>
#include <stdio.h>

/* What sockets, files, pipes and terminals answer. */
#define NAMES(NAME)                                                                                                    \
    NAME(E2BIG)                                                                                                        \
    NAME(EACCES)                                                                                                       \
    NAME(EADDRINUSE)                                                                                                   \
    NAME(EADDRNOTAVAIL)                                                                                                \
    NAME(EAFNOSUPPORT) NAME(EAGAIN) NAME(EALREADY) NAME(EBADF) NAME(EBUSY) NAME(ECANCELED) NAME(ECONNABORTED)          \
        NAME(ECONNREFUSED) NAME(ECONNRESET) NAME(EDESTADDRREQ) NAME(EDQUOT) NAME(EEXIST) NAME(EFAULT) NAME(EFBIG)      \
            NAME(EHOSTUNREACH) NAME(EINPROGRESS) NAME(EINTR) NAME(EINVAL) NAME(EIO) NAME(EISCONN) NAME(EISDIR)         \
                NAME(ELOOP) NAME(EMFILE) NAME(EMSGSIZE) NAME(ENAMETOOLONG) NAME(ENETDOWN) NAME(ENETRESET)              \
                    NAME(ENETUNREACH) NAME(ENFILE) NAME(ENOBUFS) NAME(ENODEV) NAME(ENOENT) NAME(ENOMEM)                \
                        NAME(ENOPROTOOPT) NAME(ENOSPC) NAME(ENOSYS) NAME(ENOTCONN) NAME(ENOTDIR) NAME(ENOTSOCK)        \
                            NAME(ENOTSUP) NAME(ENOTTY) NAME(ENXIO) NAME(EPERM) NAME(EPIPE) NAME(EPROTO)                \
                                NAME(EPROTONOSUPPORT) NAME(EPROTOTYPE) NAME(EROFS) NAME(ESTALE) NAME(ETIMEDOUT)        \
                                    NAME(ETXTBSY)

const char *system_error_name(int number)
{
    static char other[16];
    switch (number) {
#define NAME(CODE)                                                                                                     \
    case CODE:                                                                                                         \
        return #CODE;
        NAMES(NAME)
#undef NAME
    default:
        break;
    }
    snprintf(other, sizeof other, "E%d", number);
    return other;
}
