/* SPDX-License-Identifier: MIT */
/*
 * Where a connection's input comes from and its output goes to. Standard input and output are descriptors that are
 * somebody else's: O_NONBLOCK is never set on them, since other processes may share them. What could wait is polled first,
 * and then read or written so that the call cannot wait; a file, a pipe of our own, and a pipe that could be opened once
 * more for ourselves need no asking.
 */
#ifndef ADIEU_CLI_ENDS_H
#define ADIEU_CLI_ENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum io {
    IO_DONE,
    IO_WAIT, /* poll again */
    IO_END,  /* input only */
    IO_FAILED,
};

/* How much a descriptor takes without waiting. */
enum output_kind {
    OUTPUT_UNKNOWN,
    OUTPUT_FILE,
    OUTPUT_DEVICE,
    OUTPUT_PIPE,
    OUTPUT_SOCKET,
    OUTPUT_TERMINAL,
    OUTPUT_OWN, /* does not block: a pipe to a command, or our own way into the pipe that is standard output */
};

struct ends {
    bool shared;           /* with other connections: the input is read by position, and the output is not closed */
    int64_t position;      /* of the next byte, from where the input stood when nobody had read it */
    int input, output;     /* what to poll */
    enum output_kind kind; /* of output */
};

/* Closed descriptors among 0, 1, 2 are filled, so that no socket lands there; using them fails then with EBADF. Once, first. */
void ends_prepare(void);
/* A copy of a descriptor that the user has opened for us, close-on-exec (as the descriptor itself is then: it is for no
   command of --exec), to be taken before anything else is opened; or a negative errno. */
int ends_claim(int descriptor);

/* Standard input and output. shared: see above, and ask whether they can be. */
void ends_standard(struct ends *ends, bool shared);
/* Pipes of our own, which do not block; -1: there is none. */
void ends_own(struct ends *ends, int input, int output);
/* Standard input can be read by many, each from where it stands now to its end. */
bool ends_can_be_shared(void);
/* There is no need to ask poll(): a read or write there never waits for anybody. */
bool ends_input_never_waits(const struct ends *ends);
bool ends_output_never_waits(struct ends *ends);
/* Input, when poll() has said that there is some, or need not be asked. *got is set by DONE, *os_error by FAILED. */
enum io ends_read(struct ends *ends, void *buf, size_t size, size_t *got, int *os_error);
/* Output, likewise; *took is set by DONE. */
enum io ends_write(struct ends *ends, const void *buf, size_t size, size_t *took, int *os_error);
/* Whether output would take something just now. */
bool ends_output_ready(const struct ends *ends);
/* Gives up an input of our own. */
void ends_close_input(struct ends *ends);
/* Gives up the output: whoever reads it sees the end. FAILED: what was written is not safe after all. */
enum io ends_close_output(struct ends *ends, int *os_error);

#endif
