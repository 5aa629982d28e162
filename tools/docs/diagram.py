"""State diagram of an order as SVG, drawn from the step table and the timers' settings.

`tools.docs.generate` writes it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape

from app.events.types import OrderState
from app.order_life.order_state import STATE_OF
from app.settings import Settings
from app.zeus.statuses import FACTS, Status, Step, step

WIDTH, HEIGHT = 1040, 666
_HALF_WIDTH, _HALF_HEIGHT = 92, 31
_START = (80, 265)

_PLACES: Mapping[Status, tuple[int, int]] = {
    Status.ACCEPTED: (270, 265),
    Status.FAILED: (270, 85),
    Status.PAID: (540, 85),
    Status.EXPIRED: (540, 245),
    Status.PAID_AFTER_CANCEL: (540, 425),
    Status.CONFIRMED: (860, 85),
    Status.REVERSED: (860, 245),
    Status.CONFIRMED_AFTER_CANCEL: (860, 405),
    Status.REVERSED_AFTER_CANCEL: (860, 535),
}

_PRESUMED = (190, 420)

# Offset of an arrow's middle to the right, where a straight arrow would cross a box.
_BENDS: Mapping[tuple[Status, Status], int] = {
    (Status.ACCEPTED, Status.CONFIRMED): 14,
    (Status.ACCEPTED, Status.REVERSED): -150,
    (Status.ACCEPTED, Status.CONFIRMED_AFTER_CANCEL): -14,
    (Status.ACCEPTED, Status.REVERSED_AFTER_CANCEL): 190,
    (Status.PAID, Status.REVERSED): -26,
    (Status.REVERSED, Status.PAID): -26,
    (Status.PAID_AFTER_CANCEL, Status.REVERSED_AFTER_CANCEL): -22,
    (Status.REVERSED_AFTER_CANCEL, Status.PAID_AFTER_CANCEL): -22,
    (Status.REVERSED, Status.REVERSED_AFTER_CANCEL): -235,
}

_COLOURS = {Step.NEXT: "#1f2933", Step.GAP: "#8592a0", Step.PAID_AGAIN: "#b45309"}
_TIMER = "#1d4ed8"
_TIMER_LINE = (
    f'fill="none" stroke="{_TIMER}" stroke-width="2" stroke-dasharray="2 3" '
    'marker-end="url(#timer)"'
)
_FILLS = {"payable": "#fff3d6", "final": "#d9f2df", "other": "#eef1f4"}


@dataclass(frozen=True, slots=True)
class Words:
    """Texts of the diagram in one language."""

    title: str
    new: str
    steps: Mapping[Step, str]
    fills: Mapping[str, str]
    presumed: str
    after: str
    overdue: str
    timer: str


ENGLISH = Words(
    "States of an order",
    "new",
    {
        Step.NEXT: "next",
        Step.GAP: "gap: a call in between was never seen",
        Step.PAID_AGAIN: "paid again: a new payment cycle",
    },
    {"other": "not payable", "payable": "payable", "final": "payable and final"},
    "deadline passed, no call",
    "after {hours} h",
    "{days} days: review",
    "timer: no call came",
)
JAPANESE = Words(
    "オーダーの状態遷移",
    "新規",
    {
        Step.NEXT: "通常の遷移",
        Step.GAP: "途中のコールが届いていない遷移（gap）",
        Step.PAID_AGAIN: "改めて入金（新しい入金サイクル）",
    },
    {"other": "支払対象外", "payable": "支払対象", "final": "支払対象・売上確定"},
    "期日切（推定）",
    "{hours}時間後",
    "{days}日後に確認事項",
    "タイマー（コールが届かないとき）",
)


def picture(words: Words) -> str:
    """Return the SVG of the diagram.

    Its arrows are the steps that move an order. Contradictions and a new order's gaps are left out.
    """
    parts = [*_frame(words), *_arrows(), *_nodes(words), *_timers(words), *_legend(words)]
    return "\n".join(parts) + "\n</svg>\n"


def arrows() -> list[tuple[Status | None, Status, Step]]:
    """Return every arrow: its start (None: a new order), its end, and its step."""
    shown = [(now, to, step(now, to)) for now in (None, *Status) for to in Status]
    return [
        arrow
        for arrow in shown
        if arrow[2] in _COLOURS and not (arrow[0] is None and arrow[2] is Step.GAP)
    ]


def _frame(words: Words) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        "font-family=\"system-ui, 'Hiragino Sans', 'Noto Sans JP', 'Noto Sans CJK JP', "
        'sans-serif" '
        'font-size="14">'
    )
    yield f"<title>{escape(words.title)}</title>"
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" rx="12" fill="#ffffff"/>'
    heads = (
        f'<marker id="{kind}" viewBox="0 0 10 10" refX="9" refY="5" '
        'markerWidth="8" markerHeight="8" orient="auto">'
        f'<path d="M0 0L10 5L0 10z" fill="{colour}"/></marker>'
        for kind, colour in (*_COLOURS.items(), ("timer", _TIMER))
    )
    yield f"<defs>{''.join(heads)}</defs>"


def _arrows() -> Iterator[str]:
    strong_last = sorted(arrows(), key=lambda arrow: arrow[2] is not Step.GAP)  # drawn on top
    for now, to, kind in strong_last:
        start, end = _START if now is None else _PLACES[now], _PLACES[to]
        middle = _middle(start, end, 0 if now is None else _BENDS.get((now, to), 0))
        half = (24, 24) if now is None else (_HALF_WIDTH, _HALF_HEIGHT)
        (x1, y1), (x2, y2) = (
            _edge(start, middle, half),
            _edge(end, middle, (_HALF_WIDTH + 3, _HALF_HEIGHT + 3)),
        )
        dashes = ' stroke-dasharray="5 4"' if kind is Step.GAP else ""
        yield (
            f'<path d="M{x1:.0f} {y1:.0f}Q{middle[0]:.0f} {middle[1]:.0f} {x2:.0f} {y2:.0f}" '
            f'fill="none" stroke="{_COLOURS[kind]}" '
            f'stroke-width="{1.2 if kind is Step.GAP else 2}"{dashes} marker-end="url(#{kind})"/>'
        )


def _middle(start: tuple[int, int], end: tuple[int, int], bend: int) -> tuple[float, float]:
    (x1, y1), (x2, y2) = start, end
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
    return (x1 + x2) / 2 - (y2 - y1) / length * bend, (y1 + y2) / 2 + (x2 - x1) / length * bend


def _edge(
    centre: tuple[float, float], towards: tuple[float, float], half: tuple[int, int]
) -> tuple[float, float]:
    """Return the point where a line from the centre of a box leaves the box."""
    dx, dy = towards[0] - centre[0], towards[1] - centre[1]
    scale = min(
        half[0] / abs(dx) if dx else float("inf"), half[1] / abs(dy) if dy else float("inf")
    )
    return centre[0] + dx * scale, centre[1] + dy * scale


def _nodes(words: Words) -> Iterator[str]:
    yield f'<circle cx="{_START[0]}" cy="{_START[1]}" r="24" fill="#1f2933"/>'
    yield (
        f'<text x="{_START[0]}" y="{_START[1] + 45}" text-anchor="middle" fill="#1f2933">'
        f"{escape(words.new)}</text>"
    )
    for status, place in _PLACES.items():
        fill = _FILLS["final" if status.final else "payable" if status.payable else "other"]
        name = f'<tspan font-weight="700">{status}</tspan> {escape(FACTS[status].japanese)}'
        yield _box(place, name, STATE_OF[status], f'fill="{fill}" stroke="#1f2933"')


def _box(place: tuple[int, int], name: str, state: OrderState, style: str) -> str:
    x, y = place
    return (
        f'<rect x="{x - _HALF_WIDTH}" y="{y - _HALF_HEIGHT}" width="{2 * _HALF_WIDTH}" '
        f'height="{2 * _HALF_HEIGHT}" rx="8" {style}/>'
        f'<text x="{x}" y="{y - 5}" text-anchor="middle" fill="#1f2933">{name}</text>'
        f'<text x="{x}" y="{y + 17}" text-anchor="middle" fill="#46525e" font-size="12">'
        f"{escape(state)}</text>"
    )


def _timers(words: Words) -> Iterator[str]:
    """Draw what follows when no call comes: a presumed expiry, and overdue confirmations."""
    style = f'fill="{_FILLS["other"]}" stroke="{_TIMER}" stroke-dasharray="2 3"'
    yield _box(_PRESUMED, escape(words.presumed), OrderState.EXPIRY_PRESUMED, style)
    start, end = _PLACES[Status.ACCEPTED], _PRESUMED
    (x1, y1), (x2, y2) = (
        _edge(start, end, (_HALF_WIDTH, _HALF_HEIGHT)),
        _edge(end, start, (_HALF_WIDTH + 3, _HALF_HEIGHT + 3)),
    )
    yield f'<path d="M{x1:.0f} {y1:.0f}L{x2:.0f} {y2:.0f}" {_TIMER_LINE}/>'
    grace, due = Settings.model_fields["expiry_grace"], Settings.model_fields["confirmation_due"]
    after = words.after.format(hours=round(grace.default.total_seconds() / 3600))
    yield _note((x1 + x2) / 2 - 12, (y1 + y2) / 2 + 5, after, "end")
    overdue = words.overdue.format(days=due.default.days)
    for status, (x, y) in _PLACES.items():
        if status.payable and not status.final:
            yield _note(x, y - _HALF_HEIGHT - 9, overdue, "middle")


def _note(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{_TIMER}" font-size="12">'
        f"{escape(text)}</text>"
    )


def _legend(words: Words) -> Iterator[str]:
    for place, (kind, text) in enumerate(words.steps.items()):
        y = 505 + 26 * place
        dashes = ' stroke-dasharray="5 4"' if kind is Step.GAP else ""
        yield (
            f'<path d="M40 {y}H84" stroke="{_COLOURS[kind]}" stroke-width="2"{dashes} '
            f'marker-end="url(#{kind})"/>'
            f'<text x="96" y="{y + 5}" fill="#1f2933">{escape(text)}</text>'
        )
    yield (
        f'<path d="M40 583H84" {_TIMER_LINE}/>'
        f'<text x="96" y="588" fill="#1f2933">{escape(words.timer)}</text>'
    )
    for place, (fill, text) in enumerate(words.fills.items()):
        x = 40 + 150 * place
        yield (
            f'<rect x="{x}" y="610" width="24" height="16" rx="4" fill="{_FILLS[fill]}" '
            'stroke="#1f2933"/>'
            f'<text x="{x + 34}" y="623" fill="#1f2933">{escape(text)}</text>'
        )
