"""Panels of curves with logarithmic axes, as SVG."""
import dataclasses
import math

COLOURS = "#0b6bcb", "#c7511f", "#3a7d44"  # told apart by markers and dashes, too
DASHES = "", "5 4", "2 3"
WIDTH, HEIGHT = 250, 210  # of a panel
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 42, 34  # around its axes
COLUMNS = 4
ROOM = 26  # of a label of x


@dataclasses.dataclass
class Panel:
    x_name: str
    y_name: str
    x: list
    curves: dict  # name -> values at x


def draw(panels):
    panels = list(panels)
    rows = math.ceil(len(panels) / COLUMNS)
    width, height = COLUMNS * WIDTH, rows * HEIGHT
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
              'font-family="system-ui, sans-serif" font-size="10" fill="#222">', f'<rect width="{width}" height="{height}" fill="#fff"/>']
    for i, p in enumerate(panels):
        lines += [f'<g transform="translate({i % COLUMNS * WIDTH} {i // COLUMNS * HEIGHT})">', *panel(p), "</g>"]
    return "\n".join([*lines, "</svg>"]) + "\n"


def panel(p):
    values = [v for curve in p.curves.values() for v in curve]
    x = scale(min(p.x), max(p.x), LEFT, WIDTH - RIGHT)
    bottom, top = round_out(min(values), max(values))
    y = scale(bottom, top, HEIGHT - BOTTOM, TOP)
    for v in ticks(bottom, top):
        yield f'<path d="M{LEFT} {y(v):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/><text x="{LEFT - 5}" y="{y(v) + 3.5:.1f}" text-anchor="end">{v:,g}</text>'
    last, end = -math.inf, x(p.x[-1])
    for v in p.x:
        if v == p.x[-1] or x(v) - last >= ROOM <= end - x(v):
            yield f'<text x="{x(v):.1f}" y="{HEIGHT - BOTTOM + 13}" text-anchor="middle">{v:,}</text>'
            last = x(v)
        yield f'<path d="M{x(v):.1f} {HEIGHT - BOTTOM}v3" stroke="#888"/>'
    yield f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" stroke="#888" fill="none"/>'
    yield f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{p.x_name}</text>'
    yield f'<text x="{LEFT - 34}" y="13" font-weight="bold">{p.y_name}</text>'
    at = LEFT - 34
    for (name, curve), colour, dash in zip(p.curves.items(), COLOURS, DASHES):
        points = [(x(a), y(b)) for a, b in zip(p.x, curve)]
        line = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5" stroke-dasharray="{dash}"/>'
        if not dash:
            yield "".join(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.5" fill="{colour}"/>' for a, b in points)
        yield f'<path d="M{at} 26h16" stroke="{colour}" stroke-width="1.5" stroke-dasharray="{dash}"/><text x="{at + 20}" y="29.5" fill="{colour}">{name}</text>'
        at += 34 + 5.6 * len(name)


def scale(low, high, start, end):
    """Logarithmic."""
    step = (end - start) / math.log(high / low)
    return lambda v: start + step * math.log(v / low)


def round_out(low, high):
    """1, 2 or 5 times powers of ten around, so that ticks end the axis."""
    return max(t for t in steps() if t <= low), min(t for t in steps() if t >= high)


def ticks(low, high):
    every = [t for t in steps() if low <= t <= high]
    tens = [t for t in every if math.log10(t) % 1 == 0]
    return every if len(every) <= 7 else tens


def steps():
    return [d * 10.0**e for e in range(-3, 8) for d in (1, 2, 5)]
