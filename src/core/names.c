/* SPDX-License-Identifier: MIT */
/*
 * A name for every enum value. No switch has a default, so the compiler ties the lists to the public enums both ways.
 */
#include "adieu.h"

const char *adieu_sending_name(enum adieu_sending value)
{
    switch (value) {
#define SENDING(NAME, name, live, meaning)                                                                             \
    case ADIEU_SENDING_##NAME:                                                                                         \
        return name;
#include "ending.def"
    }
    return "?";
}

const char *adieu_receiving_name(enum adieu_receiving value)
{
    switch (value) {
#define RECEIVING(NAME, name, live, meaning)                                                                           \
    case ADIEU_RECEIVING_##NAME:                                                                                       \
        return name;
#include "ending.def"
    }
    return "?";
}

const char *adieu_reason_name(enum adieu_reason value)
{
    switch (value) {
#define REASON(NAME, name, EXIT)                                                                                       \
    case ADIEU_REASON_##NAME:                                                                                          \
        return name;
#include "ending.def"
    }
    return "?";
}

const char *adieu_error_code_name(enum adieu_error_code value)
{
    switch (value) {
#define ERROR(NAME, name, rank, text)                                                                                  \
    case ADIEU_ERR_##NAME:                                                                                             \
        return name;
#include "error.def"
    }
    return "?";
}

const char *adieu_error_code_text(enum adieu_error_code value)
{
    switch (value) {
#define ERROR(NAME, name, rank, text)                                                                                  \
    case ADIEU_ERR_##NAME:                                                                                             \
        return text;
#include "error.def"
    }
    return "?";
}

const char *adieu_alert_name(uint8_t number)
{
    static const char *const names[UINT8_MAX + 1] = {
#define ALERT(number, name) [number] = name,
#include "alert.def"
    };
    return names[number] ? names[number] : "unknown";
}

const char *adieu_status_name(enum adieu_status value)
{
    switch (value) {
    case ADIEU_OK:
        return "ok";
    case ADIEU_WAIT:
        return "wait";
    case ADIEU_END:
        return "end";
    case ADIEU_FAIL:
        return "fail";
    case ADIEU_MISUSE:
        return "misuse";
    }
    return "?";
}

const char *adieu_phase_name(enum adieu_phase value)
{
    switch (value) {
    case ADIEU_PHASE_NONE:
        return "none";
    case ADIEU_PHASE_HANDSHAKING:
        return "handshaking";
    case ADIEU_PHASE_ESTABLISHED:
        return "established";
    case ADIEU_PHASE_HEARD:
        return "heard";
    }
    return "?";
}

const char *adieu_first_name(enum adieu_first value)
{
    switch (value) {
    case ADIEU_FIRST_NOBODY:
        return "nobody";
    case ADIEU_FIRST_SELF:
        return "self";
    case ADIEU_FIRST_PEER:
        return "peer";
    }
    return "?";
}

const char *adieu_after_name(enum adieu_after value)
{
    switch (value) {
    case ADIEU_AFTER_NOTHING:
        return "nothing";
    case ADIEU_AFTER_EOF:
        return "eof";
    case ADIEU_AFTER_RESET:
        return "reset";
    }
    return "?";
}

const char *adieu_last_name(enum adieu_last value)
{
    switch (value) {
    case ADIEU_LAST_GO_ON:
        return "go on";
    case ADIEU_LAST_END_WRITE:
        return "end the write side";
    case ADIEU_LAST_RESET:
        return "reset";
    }
    return "?";
}

const char *adieu_client_auth_name(enum adieu_client_auth value)
{
    switch (value) {
    case ADIEU_CLIENT_AUTH_NONE:
        return "none";
    case ADIEU_CLIENT_AUTH_OPTIONAL:
        return "optional";
    case ADIEU_CLIENT_AUTH_REQUIRED:
        return "required";
    case ADIEU_CLIENT_AUTH_LATE:
        return "late";
    }
    return "?";
}

const char *adieu_decision_name(enum adieu_decision value)
{
    switch (value) {
    case ADIEU_REFUSE:
        return "refuse";
    case ADIEU_ACCEPT:
        return "accept";
    case ADIEU_LATER:
        return "later";
    case ADIEU_REFUSE_UNKNOWN_CA:
        return "refuse: unknown ca";
    case ADIEU_REFUSE_REVOKED:
        return "refuse: revoked";
    case ADIEU_REFUSE_EXPIRED:
        return "refuse: expired";
    case ADIEU_REFUSE_UNKNOWN:
        return "refuse: unknown";
    case ADIEU_REFUSE_ACCESS:
        return "refuse: access";
    }
    return "?";
}

const char *adieu_awaited_name(enum adieu_awaited value)
{
    switch (value) {
    case ADIEU_AWAITED_NOTHING:
        return "nothing";
    case ADIEU_AWAITED_VERIFY:
        return "verify";
    case ADIEU_AWAITED_NAME:
        return "name";
    }
    return "?";
}

const char *adieu_binding_name(enum adieu_binding value)
{
    switch (value) {
    case ADIEU_BINDING_TLS_EXPORTER:
        return "tls-exporter";
    case ADIEU_BINDING_TLS_SERVER_END_POINT:
        return "tls-server-end-point";
    case ADIEU_BINDING_TLS_UNIQUE:
        return "tls-unique";
    }
    return "?";
}

const char *adieu_verified_name(enum adieu_verified value)
{
    switch (value) {
    case ADIEU_VERIFIED_NO:
        return "no";
    case ADIEU_VERIFIED_NAME:
        return "name";
    case ADIEU_VERIFIED_PIN:
        return "pin";
    case ADIEU_VERIFIED_AUTHORITY:
        return "authority";
    }
    return "?";
}

const char *adieu_news_name(enum adieu_news value)
{
    switch (value) {
    case ADIEU_NEWS_ESTABLISHED:
        return "established";
    case ADIEU_NEWS_ALERT_RECEIVED:
        return "alert received";
    case ADIEU_NEWS_ALERT_SEALED:
        return "alert sealed";
    case ADIEU_NEWS_SENDING:
        return "sending";
    case ADIEU_NEWS_RECEIVING:
        return "receiving";
    case ADIEU_NEWS_AWAITED:
        return "awaited";
    case ADIEU_NEWS_CERTIFICATE:
        return "certificate";
    }
    return "?";
}
