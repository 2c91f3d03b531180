# SPDX-License-Identifier: MIT
import cache
from grammar import DRIVERS, Driver


class Erlang(Driver):
    name, package, program = "Erlang ssl", "erlang-ssl", "erlc"
    cannot = {"reply": "the other side's close_notify ends the whole connection"}
    # It never answers our end with close_notify (shutdown(write) sends a bare FIN), and in passive mode it may learn of our end only
    # once the connection has ended: then our patience does (8).
    expect = {"half_theirs": (3,), "push_ours": (0, 3), "stall_theirs": (0, 3, 8)}

    def shows(self, cell, name, number):
        """A client's connect has succeeded before a TLS 1.3 server refuses it; then recv says closed, whatever the reason."""
        return None if (cell.role, cell.version) == ("client", "1.3") else name

    def command(self):
        source = DRIVERS / "driver.erl"
        beam = cache.built("driver-erlang", [source], "sh", "-c", 'mkdir -p "$1" && erlc -o "$1" "$2"', "sh", "OUT", source)
        return ["erl", "-noinput", "-pa", beam, "-eval",
                "driver:main(init:get_plain_arguments())", "-extra"]


PEERS = [Erlang()]
