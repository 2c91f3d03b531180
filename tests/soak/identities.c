/* SPDX-License-Identifier: MIT */
/* soak-identities FOLDER: whom the soak's programs are and trust, made anew for each run. */
#include <stdio.h>
#include <stdlib.h>

#include "../engine/authority.h"

static void keep(const char *folder, const char *name, const struct pem *pem)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.pem", folder, name);
    FILE *file = fopen(path, "w");
    if (!file || fwrite(pem->text, 1, pem->size, file) != pem->size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

static void issue(const char *folder, const struct authority *authority, const char *name, const char *file,
                  const char *key_file)
{
    struct issued issued;
    authority_issue(authority, name, -1, 5, &issued);
    keep(folder, file, &issued.chain);
    keep(folder, key_file, &issued.key);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: soak-identities FOLDER\n", stderr);
        return 64;
    }
    struct authority roots = authority_new("soak"), others = authority_new("others");
    keep(argv[1], "roots", &roots.pem);
    keep(argv[1], "other-roots", &others.pem);
    issue(argv[1], &roots, "DNS:*.soak.test,DNS:localhost,IP:127.0.0.1", "server", "server-key");
    issue(argv[1], &roots, "DNS:client.soak.test", "client", "client-key");
    issue(argv[1], &others, "DNS:stranger.soak.test", "stranger", "stranger-key");
    authority_free(&roots);
    authority_free(&others);
    return 0;
}
