/* SPDX-License-Identifier: MIT */
#include "truth.h"

static void hear_alert(struct truth *truth, const struct record *record)
{
    const struct bytes *content = &record->content;
    if (content->size < 2)
        return;
    truth->alerts[content->at[1]] = content->at[0] ? content->at[0] : 255;
    if (record->sealed && content->size == 2 && content->at[1] == 0 && truth->channel.epoch == EPOCH_APPLICATION)
        truth->closed = true;
}

/* It is sealed with keys that nobody has told us: those who speak here have not got far enough with each other. */
static bool is_dark(const struct truth *truth, const struct record *record)
{
    return !record->sealed && truth->channel.epoch != truth->channel.due && record->type != RECORD_CCS;
}

static void hear_record(struct truth *truth, const struct bytes *raw, struct record *record)
{
    channel_read(&truth->channel, raw, record);
    bool application = record->sealed && truth->channel.epoch == EPOCH_APPLICATION;
    truth->broken = !record->opened || is_dark(truth, record);
    if (truth->broken)
        return;
    truth->records += application;
    if (application && record->type == RECORD_DATA)
        bytes_add(&truth->data, record->content.at, record->content.size);
    if (record->type == RECORD_ALERT)
        hear_alert(truth, record);
}

void truth_hear(struct truth *truth, const void *bytes, size_t size,
                void (*on_record)(void *context, const struct bytes *raw, const struct record *record), void *context)
{
    struct bytes raw = {0};
    struct record record = {0};
    bytes_add(&truth->raw, bytes, size);
    while (!truth->closed && !truth->broken && record_split(&truth->raw, &raw)) {
        hear_record(truth, &raw, &record);
        if (on_record)
            on_record(context, &raw, &record);
    }
    bytes_free(&raw);
    bytes_free(&record.content);
}

void truth_free(struct truth *truth)
{
    bytes_free(&truth->raw);
    bytes_free(&truth->data);
}
