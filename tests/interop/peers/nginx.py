# SPDX-License-Identifier: MIT
import pathlib
import subprocess

from grammar import Peer, ProxyRunning
from pages import PageServer

NGINX, STREAM = pathlib.Path("/usr/sbin/nginx"), pathlib.Path("/usr/lib/nginx/modules/ngx_stream_module.so")
TEMPORARY = "".join(f"  {kind}_temp_path tmp;\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))


def version():
    return subprocess.run([NGINX, "-v"], capture_output=True, text=True, check=True).stderr.split("/")[-1].strip()


def command(cell, main):
    path = cell.folder / "nginx.conf"
    path.write_text(f"daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr info;\n{main}")
    return [NGINX, "-e", "stderr", "-p", cell.folder, "-c", path]


def identity(cell, prefix):
    return f"    {prefix}certificate {cell.theirs.cert};\n    {prefix}certificate_key {cell.theirs.key};\n" if cell.theirs else ""


def asking(cell):
    return f"    ssl_client_certificate {cell.trusts};\n    ssl_verify_client on;\n" if cell.scenario.they_ask else ""


class NginxStream(Peer):
    """Its stream module: TCP on one side, TLS on the other."""

    name, package = "nginx stream", "libnginx-mod-stream"
    # It answers no end with close_notify, and refuses a certificate, after the handshake, by close_notify instead of an alert.
    expect = {"reset_theirs": (0, 3, 4), "refuse_ours": (0, 4), "miss_ours": (0, 4)}
    expect |= {name: (0, 3) for name in ("we_end", "push_ours", "stall_theirs")} | {"push_unread": (0, 3, 4)}
    cannot = {word: "it ends both directions together (proxy_half_close, off by default, sends a bare FIN)" for word in ("half", "reply")}

    def hears_less(self, cell):
        """Whom it refuses after the handshake it lets write, and drops what it took: its TCP has acknowledged it, and nobody read it."""
        return cell.scenario.needs == ("verify",)

    def absent(self):
        return None if NGINX.exists() and STREAM.exists() else "libnginx-mod-stream is not installed"

    def version(self):
        return version()

    def start(self, cell):
        def configure(port, to_port):
            if cell.role == "server":
                tls = f"    ssl_protocols TLSv{cell.version};\n{identity(cell, 'ssl_')}{asking(cell)}"
            else:
                tls = (f"    proxy_ssl on;\n    proxy_ssl_protocols TLSv{cell.version};\n    proxy_ssl_verify on;\n    proxy_ssl_name localhost;\n"
                       f"    proxy_ssl_trusted_certificate {cell.trusts};\n{identity(cell, 'proxy_ssl_')}")
            return command(cell, f"load_module {STREAM};\nevents {{}}\nstream {{\n  server {{\n    listen 127.0.0.1:{port}"
                           f"{' ssl' if cell.role == 'server' else ''};\n    proxy_pass 127.0.0.1:{to_port};\n{tls}  }}\n}}\n")
        return ProxyRunning(cell, configure)


class NginxPages(PageServer):
    """Its HTTP server, and a page."""

    name, package = "nginx", "nginx-light"
    # It completes the handshake with any client, and tells the refused ones by a page, in order: 0 is the truth.
    # It does not answer our end with its own while it keeps a connection alive.
    # Killed with some of our request unread, its kernel resets.
    expect = {"refuse_ours": (0,), "miss_ours": (0,), "we_end": (3,), "cut_theirs": (3, 4)}

    def absent(self):
        return None if NGINX.exists() else "nginx is not installed"

    def version(self):
        return version()

    def command(self, cell, port, slow):
        limit = "    limit_rate_after 60000;\n    limit_rate 1;\n" if slow else ""
        return command(cell, f"events {{}}\nhttp {{\n{TEMPORARY}  access_log off;\n  server {{\n    listen 127.0.0.1:{port} ssl;\n    root {cell.www};\n"
                       f"{limit}    ssl_protocols TLSv{cell.version};\n{identity(cell, 'ssl_')}{asking(cell)}  }}\n}}\n")


PEERS = [NginxStream(), NginxPages()]
