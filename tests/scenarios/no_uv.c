/* SPDX-License-Identifier: MIT */
/* In place of over_uv.c where there is no libuv. */
#include "scene.h"

const struct driver *const over_uv = NULL;
