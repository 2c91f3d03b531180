/* SPDX-License-Identifier: MIT */
/* A story on adieu_uv: each step is a request, and its callback goes on to the next. */
#ifndef ADIEU_TESTS_SOAK_UV_TALK_H
#define ADIEU_TESTS_SOAK_UV_TALK_H

#include "adieu_uv.h"
#include "talk.h"

struct uv_talk {
    struct talk talk;
    struct adieu_uv *uv;
    unsigned *live;
    struct adieu_uv_request request, second; /* second: D's write */
    uv_timer_t timer;                        /* a pause, or the bound of a step */
    bool retry;                              /* the request was cancelled, and is to be asked for again */
    bool told;
    long want;     /* D, e: what is left to be read */
    bool speaking; /* D: a write is pending */
    bool advancing, advanced;
    size_t answered; /* o: of what is in the room */
    char room[PIECE];
};

/* Those of this handle, in this loop; it goes when it is over, and *live counts those that there are. */
struct uv_talk *uv_talk_new(uv_loop_t *loop, struct adieu_uv *uv, unsigned *live);
/* Begins the step that was set; goes on to the next one. */
void uv_talk_begin(struct uv_talk *talk);
void uv_talk_advance(struct uv_talk *talk);

#endif
