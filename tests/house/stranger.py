# SPDX-License-Identifier: MIT
"""
stranger.py SOURCE BUILD MESON: somebody who has nothing but what `ninja install` leaves builds the README's example with
pkg-config, and runs it against `adieu listen`.
"""
import contextlib
import os
import pathlib
import re
import sys
import tempfile

import tap
from peer import listener, run

SOURCE, BUILD, MESON = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
STRICT = ["-std=c11", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-Werror"]
REPLY = b"a reply\n" * 1000


class Installed:
    """What an install leaves, under a folder of its own."""

    def __init__(self, root):
        self.root = root
        run(MESON, "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", root)
        self.folder = next(root.rglob("libadieu.pc")).parent
        self.libraries = self.folder.parent
        self.environment = {**os.environ, "PKG_CONFIG_SYSROOT_DIR": str(root),
                            "PKG_CONFIG_PATH": str(self.folder), "LD_LIBRARY_PATH": str(self.libraries)}

    def flags(self, *words):
        return run("pkg-config", *words, env=self.environment).stdout.decode().split()

    def compile(self, program, *flags):
        source, target = self.root / "example.c", self.root / "example"
        source.write_text(program)
        run("cc", *STRICT, source, "-o", target, *flags)
        return target


@contextlib.contextmanager
def installed():
    with tempfile.TemporaryDirectory() as folder:
        yield Installed(pathlib.Path(folder))


def readme_example():
    blocks = re.findall(r"^```c\n(.*?)^```$", (SOURCE / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1, f"README.md has {len(blocks)} C examples; one is expected"
    return blocks[0]


def talks(example, environment):
    """The example trusts the system's roots; SSL_CERT_FILE says that these are the server's own certificate."""
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = f"{folder}/certificate.pem", f"{folder}/key.pem"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=stranger", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate)
        with listener(BUILD / "adieu", REPLY, "--cert", certificate, "--key", key) as server:
            done = run(example, "127.0.0.1", server.port, env={**environment, "SSL_CERT_FILE": certificate})
            assert done.stdout == REPLY, f"the example printed {done.stdout[:100]!r} and {done.stderr!r}"
            assert server.took().startswith(b"GET /") and server.status() == 0


def the_readme_example_builds_and_runs_with_the_shared_libraries():
    with installed() as it:
        example = it.compile(readme_example(), *it.flags("--cflags", "--libs", "libadieu-fd"))
        needed = run("readelf", "-d", example).stdout.decode()
        assert "libadieu.so.0" in needed and "libadieu-fd.so.0" in needed, f"not linked as it should be:\n{needed}"
        assert "libssl" not in needed, f"OpenSSL is libadieu's business:\n{needed}"
        talks(example, it.environment)


def the_readme_example_builds_and_runs_with_the_static_libraries():
    with installed() as it:
        for library in it.libraries.glob("libadieu*.so*"):
            library.unlink()
        example = it.compile(readme_example(), *it.flags("--static", "--cflags", "--libs", "libadieu-fd"))
        needed = run("readelf", "-d", example).stdout.decode()
        assert "libadieu" not in needed and "libssl" in needed, f"not linked as it should be:\n{needed}"
        talks(example, os.environ)


def a_program_that_calls_openssl_asks_for_it():
    program = '#include <adieu_openssl.h>\nint main(void)\n{\n    SSL_CTX *context = SSL_CTX_new(TLS_method());\n' \
              '    struct adieu_config *config = context ? adieu_config_adopt(context) : NULL;\n' \
              '    adieu_config_free(config);\n    SSL_CTX_free(context);\n    return config ? 0 : 1;\n}\n'
    with installed() as it:
        run(it.compile(program, *it.flags("--cflags", "--libs", "libadieu", "openssl")), env=it.environment)


# Both transports in one program: their static libraries must not get in each other's way.
LIBUV_PROGRAM = """
#include <adieu_fd.h>
#include <adieu_uv.h>
int main(void)
{
    struct adieu_uv_loop *loop = adieu_uv_loop_new(uv_default_loop());
    struct adieu_config *config = adieu_config_new();
    struct adieu_uv *uv = adieu_uv_client(loop, config, "localhost");
    struct adieu_fd *fd = adieu_fd_client(config, "localhost");
    int made = loop && uv && fd;
    adieu_fd_free(fd);
    adieu_uv_free(uv);
    adieu_uv_loop_free(loop);
    adieu_config_free(config);
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT) || uv_loop_close(uv_default_loop()) || !made;
}
"""


def a_program_on_libuv_builds_and_runs_with_the_shared_and_with_the_static_libraries():
    with installed() as it:
        if not (it.folder / "libadieu-uv.pc").exists():
            raise tap.Skip("there is no libuv")
        packages = ("libadieu-uv", "libadieu-fd")
        run(it.compile(LIBUV_PROGRAM, *it.flags("--cflags", "--libs", *packages)), env=it.environment)
        for library in it.libraries.glob("libadieu*.so*"):
            library.unlink()
        run(it.compile(LIBUV_PROGRAM, *it.flags("--static", "--cflags", "--libs", *packages)), env=os.environ)


def the_installed_command_runs():
    with installed() as it:
        done = run(next(it.root.rglob("bin/adieu")), "--version", env=it.environment)
        assert b"0.1.0" in done.stdout, done.stdout


tap.run(
    the_readme_example_builds_and_runs_with_the_shared_libraries,
    the_readme_example_builds_and_runs_with_the_static_libraries,
    a_program_that_calls_openssl_asks_for_it,
    a_program_on_libuv_builds_and_runs_with_the_shared_and_with_the_static_libraries,
    the_installed_command_runs,
)
