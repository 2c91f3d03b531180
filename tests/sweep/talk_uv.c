/* SPDX-License-Identifier: MIT */
/* A side on libuv. */
#include "looped.h"
#include "talk.h"

static enum adieu_status shake_looped(const struct side *side)
{
    return looped_handshake(side->looped);
}

static enum adieu_status read_looped(const struct side *side, void *buf, size_t size, size_t *got)
{
    return looped_read(side->looped, buf, size, got);
}

static enum adieu_status write_looped(const struct side *side, const void *buf, size_t size, size_t *took)
{
    return looped_write(side->looped, buf, size, took);
}

static enum adieu_status shut_looped(const struct side *side)
{
    return looped_shutdown(side->looped);
}

static void free_looped(struct side *side)
{
    const char *complaint = looped_free(side->looped);
    demand(!complaint, "%s", complaint);
}

static enum adieu_status adopt_looped(const struct side *side, int descriptor)
{
    return adieu_uv_open(looped_uv(side->looped), descriptor) == 0 ? ADIEU_OK : ADIEU_FAIL;
}

static enum adieu_status close_looped(const struct side *side)
{
    const struct adieu_uv_patience patience = ADIEU_UV_PATIENCE;
    return looped_close(side->looped, patience.quiet_ms);
}

static struct pollfd interest_looped(const struct side *side, int *timeout_ms)
{
    return looped_interest(side->looped, timeout_ms);
}

struct side side_new_looped(struct setting *setting, bool server, int64_t patience)
{
    static const struct way loop = {shake_looped, read_looped,  write_looped, shut_looped,
                                    free_looped,  adopt_looped, close_looped, interest_looped};
    struct side side = side_for(setting, server, &loop);
    (void)patience;
    side.looped = looped_new(server ? setting->server : setting->client, server, setting_host(setting));
    side.s = side.looped ? adieu_uv_stream(looped_uv(side.looped)) : NULL;
    side_resume(setting, &side);
    return side;
}
