"""docs/capacity.svg: state transitions in each second of a burst, in each kind of region. Written by hand, as the project's other
pictures: a chart library would be among the largest things in requirements/development.txt, for two lines.
"""

from benchmarks.burst.account import QUOTAS
from benchmarks.burst.watch import Seen

_COLOURS = {"large": "#1f7a5c", "other": "#b8672e"}
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 820, 70, 300
_SMALL = 'font-size="11" fill="#57606a"'
_TITLE = "State transitions a second, {count:,} links sent within {seconds:g} s"


def drawn(seen: dict[str, Seen], count: int, seconds: float) -> str:
    """The picture, by kind of region."""
    last = max(max(s.transitions_at) for s in seen.values())
    most = max(max(s.transitions_at.values()) for s in seen.values())

    def x(second: float) -> str:
        return f"{_LEFT + (_RIGHT - _LEFT) * second / last:.1f}"

    def y(transitions: float) -> str:
        return f"{_BOTTOM - (_BOTTOM - _TOP) * transitions / most:.1f}"

    shapes = [
        f'<line x1="{_LEFT}" y1="{y(tick)}" x2="{_RIGHT}" y2="{y(tick)}" stroke="#d0d7de"/>'
        f'<text x="{_LEFT - 6}" y="{float(y(tick)) + 4:.1f}" text-anchor="end" {_SMALL}>{tick:,}</text>'
        for tick in range(0, most + 1, 500)
    ]
    shapes += [
        f'<text x="{x(second)}" y="{_BOTTOM + 18}" text-anchor="middle" {_SMALL}>{second}</text>'
        for second in range(0, last + 1, 60)
    ]
    for place, (regions, s) in enumerate(seen.items()):
        points = " ".join(f"{x(second)},{y(s.transitions_at[second])}" for second in range(last + 1))
        quotas, at = QUOTAS["regions"][regions], _LEFT + 400 * place
        shapes.append(
            f'<polyline points="{points}" fill="none" stroke="{_COLOURS[regions]}" stroke-width="1.5"/>'
            f'<rect x="{at}" y="40" width="14" height="4" fill="{_COLOURS[regions]}"/>'
            f'<text x="{at + 20}" y="46">{quotas["names"]}: quota {quotas["transition_refill"]:,}</text>'
        )
    middle, title = (_LEFT + _RIGHT) // 2, _TITLE.format(count=count, seconds=seconds)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 850 350" font-family="sans-serif" font-size="12" fill="#24292f">'
        f'<title>{title}</title><rect width="850" height="350" rx="8" fill="#ffffff"/>'
        f'<text x="{_LEFT}" y="24" font-size="15" font-weight="bold">{title}</text>{"".join(shapes)}'
        f'<text x="{middle}" y="338" text-anchor="middle" {_SMALL}>seconds after the first link</text></svg>\n'
    )
