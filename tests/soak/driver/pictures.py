# SPDX-License-Identifier: MIT
"""docs/soak/*.svg by gnuplot, drawn as bench/driver draws: no background, no date, no version."""
import pathlib
import statistics
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[3] / "bench" / "driver"))

from plots import INK, draw  # noqa: E402

COLOURS = ("#d9480f", "#1c7ed6", "#2f9e44", "#9c36b5", "#b08900", "#0c8599", "#868e96", "#e64980")
HEAD = """\
set terminal svg size 760,{height} dynamic enhanced font "system-ui,DejaVu Sans,Helvetica,Arial,sans-serif,13" name "{name}"
set encoding utf8
set border 3 linecolor rgb "#7f7f7f"
set tics nomirror textcolor rgb "{ink}"
set grid ytics linecolor rgb "#7f7f7f" linewidth 0.3
set title "{title}" textcolor rgb "{ink}"
set key outside right top textcolor rgb "{ink}"
set xlabel "minutes" textcolor rgb "{ink}"
"""


def thinned(points, most=240):
    """A plot is not wide enough for more: medians of neighbours."""
    step = max(1, -(-len(points) // most))
    parts = [points[at:at + step] for at in range(0, len(points), step)]
    return [(statistics.median(t for t, _ in part), statistics.median(value for _, value in part)) for part in parts]


def colour(number, more="linewidth 1.5"):
    return f'linecolor rgb "{COLOURS[number % len(COLOURS)]}" {more}'


def lines(name, title, series, height=420, settings=""):
    """series: (label, points, extra words of gnuplot)."""
    series = [(label, thinned(points), more) for label, points, more in series if points]
    if not series:
        return None
    text = HEAD.format(name=name, height=height, title=title, ink=INK) + settings
    for number, (_, points, _) in enumerate(series):
        text += f"$s{number} << EOD\n" + "\n".join(f"{t / 60:.3f} {value:.6g}" for t, value in points) + "\nEOD\n"
    return text + "plot " + ", ".join(f'$s{number} with lines {more or colour(number)} title "{label}"'
                                      for number, (label, _, more) in enumerate(series)) + "\n"


def of_programs(samples, figure, scale, quiet):
    names = list(dict.fromkeys(sample["program"] for sample in samples))
    return [(name.replace("_", "\\\\_"), [(sample["t"], sample[figure] * scale) for sample in samples
                                          if sample["program"] == name and sample["quiet"] in quiet and sample[figure] is not None], "")
            for name in names]


def latency(latencies):
    series = []
    for number, what in enumerate(dict.fromkeys(row["what"] for row in latencies)):
        for figure, dash in (("p50_us", "linewidth 1.5"), ("p99_us", "dashtype 3 linewidth 0.8")):
            series.append((f"{what}, {figure[:3]}", [(row["t"], row[figure] / 1000) for row in latencies if row["what"] == what],
                           colour(number, dash)))
    return series


def descriptors(samples):
    busy, quiet = of_programs(samples, "fds", 1, (0,)), of_programs(samples, "fds", 1, (1,))
    return ([(name, points, colour(number, "linewidth 0.6")) for number, (name, points, _) in enumerate(busy)]
            + [(f"{name}, quiet", points, colour(number, "linewidth 2.2")) for number, (name, points, _) in enumerate(quiet)])


def scripts(samples, latencies):
    return {
        "heap": lines("heap", "Heap in use at quiet points, KB", of_programs(samples, "heap", 1 / 1024, (1,)), settings="set yrange [0:*]\n"),
        "resident": lines("resident", "Resident memory, MB", of_programs(samples, "rss", 1 / (1 << 20), (0, 1)), settings="set yrange [0:*]\n"),
        "descriptors": lines("descriptors", "Open descriptors under load (thin) and at quiet points", descriptors(samples), height=520,
                             settings="set yrange [0:*]\n"),
        "latency": lines("latency", "Latency, ms: median and 99th percentile of five seconds", latency(latencies), settings="set logscale y\n"),
    }


def draw_all(samples, latencies, folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, script in scripts(samples, latencies).items():
        (folder / f"{name}.svg").unlink(missing_ok=True)
        if script:
            (folder / f"{name}.svg").write_text(draw(script), encoding="utf-8")
            drawn.append(name)
    return drawn
