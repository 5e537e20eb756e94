"""Every text form against its golden file: another word, or a number two last digits off, is another map."""

from __future__ import annotations

import pytest

from cogmap import CognitiveMap
from cogmap.prompt.compose import TEXTS

from .golden import FOLDER, OPTIONS, differences, forms_of, text_of
from .maps import living_room
from .references import Reference


def test_every_form_has_a_golden_file() -> None:
    assert set(OPTIONS) == set(TEXTS)
    for name in ("room", "light"):
        assert {p.stem for p in (FOLDER / name).glob("*.txt")} == set(forms_of(name))


@pytest.mark.parametrize("form", forms_of("room"))
def test_a_room_made_by_hand_to_the_letter(form: str) -> None:
    kept = (FOLDER / "room" / f"{form}.txt").read_text(encoding="utf-8")
    assert differences(kept, text_of(CognitiveMap(living_room()), form), exact=True) == []


@pytest.mark.parametrize("form", forms_of("light"))
def test_a_built_room_to_the_last_digit(form: str, light: Reference) -> None:
    kept = (FOLDER / "light" / f"{form}.txt").read_text(encoding="utf-8")
    assert differences(kept, text_of(light.map, form), exact=False) == []


def test_differences_are_seen() -> None:
    assert differences("a 10 b\n", "a 11 b\n", exact=False) == [] and differences("a 10\n", "a 11\n", exact=True)
    assert differences("a 10\n", "a 12\n", exact=False) and differences("a 1.0\n", "a 1.3\n", exact=False)
    assert differences("chair 1\n", "table 1\n", exact=False) and differences("a\n", "a\nb\n", exact=False)
