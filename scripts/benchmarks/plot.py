"""A line chart with two logarithmic axes, as SVG."""

import html
import math

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 70, 150, 40, 55
COLOURS = ["#4477aa", "#66ccee", "#228833", "#ccbb44", "#ee6677", "#aa3377", "#555555"]


def decades(values):
    """The powers of ten around the values."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return range(low, max(high, low + 1) + 1)


def amount(power):
    """A power of ten as people write it."""
    return f"{10**power:,}" if power >= 0 else f"{10.0**power:.{-power}f}"


def log_log(title, across, upward, series):
    """`series` is {name: [(x, y)]}, all above 0. Each name stands at the end of its line."""
    points = [point for line in series.values() for point in line]
    xs, ys = decades([x for x, _ in points]), decades([y for _, y in points])

    def place(x, y):
        right = (math.log10(x) - xs[0]) / (xs[-1] - xs[0])
        up = (math.log10(y) - ys[0]) / (ys[-1] - ys[0])
        return LEFT + right * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    shapes = []

    def line(start, end):
        (x1, y1), (x2, y2) = start, end
        shapes.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#dddddd"/>')

    def text(x, y, words, anchor="middle", more=""):
        shapes.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{html.escape(words)}</text>')

    for power in xs:
        line(place(10.0**power, 10.0 ** ys[0]), place(10.0**power, 10.0 ** ys[-1]))
        text(place(10.0**power, 1)[0], HEIGHT - BOTTOM + 18, amount(power))
    for power in ys:
        line(place(10.0 ** xs[0], 10.0**power), place(10.0 ** xs[-1], 10.0**power))
        text(LEFT - 8, place(1, 10.0**power)[1] + 4, amount(power), "end")
    text(WIDTH / 2 - 40, 22, title, more=' font-weight="bold"')
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, across)
    middle = (TOP + HEIGHT - BOTTOM) / 2
    text(18, middle, upward, more=f' transform="rotate(-90 18 {middle:.1f})"')

    free = None
    for colour, (name, plotted) in zip(COLOURS, sorted(series.items(), key=lambda item: item[1][-1][1])):
        places = [place(x, y) for x, y in plotted]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        shapes.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        shapes.extend(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places)
        # From the lowest line up, no name closer than its own height to the one below.
        x, y = places[-1]
        free = y if free is None else min(y, free - 15)
        text(x + 10, free + 4, name, "start", f' fill="{colour}"')
    body = "\n".join(shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n{body}\n</svg>\n'
    )
