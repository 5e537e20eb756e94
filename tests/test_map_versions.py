"""Old maps load, YAML is the same map, and hostile YAML is harmless."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

import cogmap
from cogmap._checks import equal
from cogmap.errors import InputError
from cogmap.mapfile.convert import to_file
from cogmap.mapfile.schema import VERSION
from cogmap.mapfile.upgrade import STEPS

from .maps import living_room, random_map

SAMPLES = Path(__file__).parent / "samples"


def test_every_older_version_has_a_sample_that_loads(tmp_path: Path) -> None:
    for version in STEPS:
        sample = SAMPLES / f"map_{version.replace('.', '_')}.json"
        assert json.loads(sample.read_text())["schema_version"] == version
        m = cogmap.load(sample)
        assert len(m.objects) == 9 and not any(o.completed for o in m.objects)
        assert all(w.severity for w in m.quality.warnings)
        m.save(tmp_path / version)
        assert json.loads((tmp_path / version / "map.json").read_text())["schema_version"] == VERSION


@pytest.mark.parametrize("seed", range(5))
def test_yaml_and_json_are_one_map(tmp_path: Path, seed: int) -> None:
    data = to_file(random_map(seed, 8)).model_dump(mode="json")
    (tmp_path / "map.json").write_text(json.dumps(data))
    (tmp_path / "map.yaml").write_text(yaml.safe_dump(data, sort_keys=False))
    assert equal(cogmap.load(tmp_path / "map.yaml").scene, cogmap.load(tmp_path / "map.json").scene)


@pytest.mark.parametrize(
    "line",
    [
        "units: !!python/object/apply:os.system ['true']",
        "a: &a [1, 1]\nb: [*a, *a]",
        "units: m\nunits: relative",
        "1: one",
        "units: [",
        "units: 2026-11-25\nyes: no",
    ],
)
def test_hostile_yaml_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "map.yaml").write_text(line + "\n")
    with pytest.raises(InputError, match="E-MAP-(JSON|SCHEMA)"):
        cogmap.load(tmp_path / "map.yaml")


def test_a_label_that_yaml_would_read_as_no_stays_a_word(tmp_path: Path) -> None:
    scene = living_room()
    data = to_file(scene).model_dump(mode="json")
    data["objects"][0]["label"] = "no"
    (tmp_path / "map.yaml").write_text(yaml.safe_dump(data))
    assert cogmap.load(tmp_path / "map.yaml").objects[0].label == "no"
