/* SPDX-License-Identifier: MIT */
#include "polled.h"

int main(int argc, char **argv)
{
    const struct arguments arguments = arguments_read(argc, argv);
    tls_begin(&arguments);
    return arguments.serves ? serve(&arguments) : ask(&arguments);
}
