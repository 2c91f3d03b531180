/* SPDX-License-Identifier: MIT */
/*
 * Standard input and output, as descriptors that are somebody else's: O_NONBLOCK is never set on them, since other
 * processes may share them. They are polled first, and then read or written so that the call cannot wait.
 */
#ifndef ADIEU_CLI_ENDS_H
#define ADIEU_CLI_ENDS_H

#include <stdbool.h>
#include <stddef.h>

enum io {
    IO_DONE,
    IO_WAIT, /* poll again */
    IO_END,  /* input only */
    IO_FAILED,
};

/* Closed descriptors among 0, 1, 2 are filled, so that no socket lands there; using them fails then with EBADF. Once, first. */
void ends_prepare(void);
/* A copy of a descriptor that the user has opened for us, close-on-exec, to be taken before anything else is opened; or a
   negative errno. */
int ends_claim(int descriptor);
/* Input, when poll() has said that there is some. *got is set by DONE, *os_error by FAILED. */
enum io ends_read(void *buf, size_t size, size_t *got, int *os_error);
/* Output, likewise; *took is set by DONE. */
enum io ends_write(const void *buf, size_t size, size_t *took, int *os_error);
/* Whether output would take something just now. */
bool ends_output_ready(void);
/* Gives up standard output: whoever reads it sees the end. FAILED: what was written is not safe after all. */
enum io ends_close_output(int *os_error);

#endif
