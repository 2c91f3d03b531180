# SPDX-License-Identifier: MIT
"""What must be true of every outcome, whatever the peer does; and what is kept of it for docs/interop.md."""
import re


def complaint(outcome):
    """What is wrong with it, or None."""
    try:
        judge(outcome)
    except AssertionError as wrong:
        return str(wrong)
    exits = allowed(outcome)
    return None if outcome.result.exit in exits else f"exit {outcome.result.exit}, expected one of {exits}"


def judge(outcome):
    """Raises AssertionError where our command said more than it could know, or less than it must."""
    report, exit_status = outcome.result.report, outcome.result.exit
    assert report, f"no report: {outcome.result}"
    assert exit_status == report["exit"], outcome.result
    ended_as_told(outcome)
    bytes_are_right(outcome)
    if exit_status == 0:
        success_is_true(outcome)
    if observed(outcome):
        wire_agrees(outcome)
    alert_is_right(outcome)


def ended_as_told(outcome):
    report = outcome.result.report
    if report["phase"] is not None:
        assert report["sending"] not in ("open", "closing") and report["receiving"] != "open", report


def bytes_are_right(outcome):
    """What came out is the beginning of what the peer says, and the counts are no boast."""
    cell, report = outcome.cell, outcome.result.report
    counts = report["bytes"]
    assert counts["received"] == len(outcome.result.out), outcome.result
    body = cell.peer.body(outcome.result.out)
    assert cell.data_bytes.startswith(body), f"these are not the bytes that were sent: {body[:80]!r}"
    assert counts["sent"] <= counts["taken"] and (counts["acknowledged"] or 0) <= counts["sent"], counts
    if outcome.running.got is not None:
        assert outcome.running.got in cell.peer.heard(cell) or cell.peer.heard(cell).startswith(outcome.running.got), (
            f"the peer got other bytes than ours: {outcome.running.got[:80]!r}")


def success_is_true(outcome):
    """0: both directions closed, all arrived. A peer that reads to our end has all that we took."""
    cell, report = outcome.cell, outcome.result.report
    assert (report["sending"], report["receiving"]) == ("closed", "closed"), report
    assert report["bytes"]["acknowledged"] in (None, report["bytes"]["taken"]), report
    assert not report["alert_received"] and not report["alert_sent"], report
    body = cell.peer.body(outcome.result.out)
    if "--until=self" not in cell.scenario.adieu:
        assert len(body) == cell.their_count() or outcome.running.fact("failed") or cell.peer.loses(cell), (
            f"0, and {len(body)} of {cell.their_count()} bytes came")
    if outcome.running.got is not None and "read" in cell.steps() and not cell.peer.hears_less(cell):
        assert len(outcome.running.got) == cell.our_count(), (
            f"0, and the peer got {len(outcome.running.got)} of {cell.our_count()} bytes; it says {outcome.running.facts}")


def wire_agrees(outcome):
    """An end that we call authentic was there, and an alert that was there is named, whatever else the transport did."""
    report, theirs, ours = outcome.result.report, outcome.theirs_on_wire, outcome.ours_on_wire
    if report["receiving"] == "closed":
        assert theirs.alerts(), f"closed, but the peer said no close_notify: {theirs.story()}"
    if theirs.said_alert() and report["phase"] in ("established", "heard"):
        assert report["receiving"] in ("closed", "alerted") or ours_ended_first(outcome), (
            f"an alert was on the wire, and we say {report['receiving']}, {report['error']}")
    if report["alert_sent"] or report["sending"] == "closed":
        assert ours.alerts(), f"we say that an alert left; the wire shows {ours.story()}"


def ours_ended_first(outcome):
    """We had stopped listening: by a reset of ours, a refusal, or an alert of ours."""
    return outcome.result.report["receiving"] in ("abandoned", "rejected")


def alert_is_right(outcome):
    """Ours is one that explains; theirs is the one that the wire shows, where it can be read."""
    cell, report = outcome.cell, outcome.result.report
    if report["alert_sent"]:
        assert report["alert_sent"]["name"] in cell.scenario.alert, f"expected one of {cell.scenario.alert}: {report}"
        words = cell.peer.shows(cell, report["alert_sent"]["name"], report["alert_sent"]["number"])
        assert not words or letters(words) in letters(outcome.running.said()), (
            f"our alert is {words!r}, and the peer's user is told {outcome.running.said()!r}")
    if report["alert_received"] and observed(outcome):
        plain = [body[1] for _, _, body in outcome.theirs_on_wire.alerts() if body and len(body) == 2]
        assert not plain or report["alert_received"]["number"] == plain[0], f"the wire says {plain}: {report}"


def letters(text):
    return re.sub("[^a-z0-9]+", " ", text.lower())


def observed(outcome):
    return outcome.wire is not None and outcome.wire.complete


def allowed(outcome):
    """The exit statuses that are right here: an alert that never was on the wire (or that nobody could watch) cannot be named."""
    exits = outcome.cell.peer.expected(outcome.cell.role, outcome.cell.version, outcome.cell.scenario)
    silent = not observed(outcome) or not outcome.theirs_on_wire.alerts()
    return (*exits, 3, 4) if exits == (5,) and silent else exits


def record(outcome):
    """For the document: plain values only."""
    report = outcome.result.report
    return {
        "exit": outcome.result.exit, "sending": report["sending"], "receiving": report["receiving"], "after": report["after"],
        "alert": (report["alert_received"] or report["alert_sent"] or {}).get("name"),
        "wire": outcome.theirs_on_wire.story() if observed(outcome) else None,
        "said": outcome.running.said(), "seconds": round(outcome.seconds, 2),
    }


def told(outcome):
    """Everything that is known, for whoever has to find out."""
    wire = f"{outcome.theirs_on_wire.story()} {list(outcome.theirs_on_wire.records())[-4:]}; ours: {outcome.ours_on_wire.story()}" if observed(outcome) else "not observed"
    return (f"ours: {' '.join(outcome.result.args)}\n{outcome.result.err}{outcome.result.report}\n"
            f"theirs: {outcome.running.facts}\n{outcome.running.err()[-1500:]}\nwire, theirs: {wire}")
