"""Keys of advisory locks: no two purposes share one."""

import re
from collections import defaultdict
from pathlib import Path

APP = Path(__file__).parents[2] / "app"
KEY = re.compile(r"(?<!, )\b7_?236_?405_?(\d{3})\b")  # behind a comma stands the seed of a hash


def test_every_lock_has_a_key_of_its_own() -> None:
    places = defaultdict(list)
    for path in sorted(APP.rglob("*.py")):
        for key in KEY.findall(path.read_text()):
            places[key].append(str(path.relative_to(APP)))
    assert len(places) >= 6
    assert {} == {key: where for key, where in places.items() if len(where) > 1}
