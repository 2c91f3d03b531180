# SPDX-License-Identifier: MIT
import pathlib
import subprocess

from pages import PageServer

APACHE, MODULES = pathlib.Path("/usr/sbin/apache2"), "/usr/lib/apache2/modules"
NOBODY = 65534  # started by root it insists on being somebody else


class Apache(PageServer):
    name, package = "Apache httpd", "apache2-bin"
    cannot = {**PageServer.cannot, "cut": "a page that fits in its buffers is sent and ended before it can be killed"}

    def absent(self):
        return None if APACHE.exists() else "apache2-bin is not installed"

    def version(self):
        return subprocess.run([APACHE, "-v"], capture_output=True, text=True, check=True).stdout.split("/")[1].split()[0]

    def command(self, cell, port, slow):
        ask = f"SSLVerifyClient require\nSSLCACertificateFile {cell.trusts}\n" if cell.scenario.they_ask else ""
        modules = "".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so\n" for name in ("mpm_event", "authz_core", "ssl", "socache_shmcb"))
        path = cell.folder / "apache.conf"
        path.write_text(f"{modules}ServerRoot {cell.folder}\nServerName localhost\nPidFile {cell.folder}/apache.pid\nListen 127.0.0.1:{port}\n"
                        f"ErrorLog /dev/stderr\nLogLevel ssl:info\nMutex posixsem\nStartServers 1\nThreadsPerChild 4\nMinSpareThreads 1\n"
                        f"MaxSpareThreads 8\nMaxRequestWorkers 8\nDocumentRoot {cell.www}\nUser #{NOBODY}\nGroup #{NOBODY}\n"
                        f"SSLEngine on\nSSLProtocol -all +TLSv{cell.version}\nSSLCertificateFile {cell.theirs.cert}\n"
                        f"SSLCertificateKeyFile {cell.theirs.key}\nSSLSessionCache none\n{ask}")
        return [APACHE, "-DFOREGROUND", "-f", path]


PEERS = [Apache()]
