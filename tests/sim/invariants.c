/* SPDX-License-Identifier: MIT */
/* Looks at all invariants, and notes the first that is broken. */
#include "invariants.h"

void broken(struct world *w, const struct side *s, const char *name, const char *sentence)
{
    struct sim_verdict *verdict = w->verdict;
    if (verdict->broken)
        return;
    verdict->broken = name;
    verdict->sentence = sentence;
    verdict->step = w->step;
    verdict->detail[0] = '\0';
    if (!s || !s->s)
        return;
    char text[160];
    struct adieu_ending e = adieu_ending(s->s);
    snprintf(verdict->detail, sizeof verdict->detail, "%s: %s, error %s", s->number ? "server" : "client",
             adieu_ending_text(&e, text, sizeof text), adieu_error_code_name(e.error));
}

static void hold(const struct look *look, const struct invariant *invariants)
{
    for (const struct invariant *i = invariants; i->name && goes_on(look->w); i++)
        if (!i->holds(look))
            broken(look->w, look->s, i->name, i->sentence);
}

bool hold_all(struct world *w, struct side *s)
{
    if (!s->s)
        return goes_on(w);
    const struct adieu_ending e = adieu_ending(s->s);
    struct look look = {
        .w = w,
        .s = s,
        .peer = peer_of(w, s),
        .from = way_from(w, s),
        .to = way_to(w, s),
        .e = &e,
        .before = s->has_before ? &s->before : &e,
    };
    w->calls++;
    if (s->shown && sending_ended(&e) && !sending_ended(look.before))
        s->ended_shown = true;
    hold(&look, invariants_of_bytes);
    hold(&look, invariants_of_causes);
    hold(&look, invariants_of_answers);
    s->before = e;
    s->has_before = true;
    return goes_on(w);
}
