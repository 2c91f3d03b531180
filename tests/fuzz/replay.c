/* SPDX-License-Identifier: MIT */
/* A target without libFuzzer: it is given the files of folders, in any order. So gcc and valgrind can replay a corpus, too. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define MOST (1 << 20)

static void replay(const char *path)
{
    static uint8_t bytes[MOST];
    FILE *file = fopen(path, "rb");
    claim(file != NULL, "%s can be read: %s", path, strerror(errno));
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    fprintf(stderr, "%s\n", path); /* the last one said is the one that failed */
    uint8_t *exact = malloc(size ? size : 1);
    claim(exact != NULL, "there is memory");
    memcpy(exact, bytes, size); /* so that a sanitizer sees a read behind its end */
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

/* A folder that is not there is an empty one: nothing has been found yet. */
static unsigned replay_folder(const char *folder)
{
    unsigned count = 0;
    DIR *open = opendir(folder);
    for (struct dirent *entry; open && (entry = readdir(open));) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        replay(path);
        count++;
    }
    if (open)
        closedir(open);
    else if (errno == ENOTDIR)
        replay(folder);
    return count + (!open && errno == ENOTDIR);
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    for (int i = 1; i < argc; i++)
        count += replay_folder(argv[i]);
    printf("%u inputs\n", count);
    return count ? 0 : 1;
}
