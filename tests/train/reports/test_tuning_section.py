from pathlib import Path

from tests.train.reports.made_up_run import config_of, write_built, write_tuning
from train.reports.material import read_material
from train.reports.tuning_section import building_section, curve_panels, tuning_section


def test_curves_are_sorted_into_panels_and_a_step_may_lack_some() -> None:
    steps = [
        {"step": 1, "loss": 3.0, "loss/think": 2.0},
        {"step": 2, "loss": 2.0, "holdout_loss": 2.5, "lr": 1e-5},
    ]
    assert curve_panels(steps) == {
        "loss": {"loss": ([1, 2], [3.0, 2.0]), "holdout": ([2], [2.5])},
        "loss by kind": {"think": ([1], [2.0])},
        "learning rate": {"learning rate": ([2], [1e-5])},
    }


def test_a_run_that_is_still_being_tuned_says_how_far_it_is(tmp_path: Path) -> None:
    write_tuning(tmp_path, num_steps=1_234, is_finished=False)
    section = tuning_section(read_material(config_of(tmp_path)))
    assert section is not None
    assert not section["is_finished"]
    assert section["num_steps"] == "1,234"
    assert section["facts"] == []


def test_facts_of_the_manifests_are_shown_without_their_hashes(tmp_path: Path) -> None:
    write_built(tmp_path)
    write_tuning(tmp_path)
    material = read_material(config_of(tmp_path))
    built, tuned = building_section(material), tuning_section(material)
    assert built is not None
    assert tuned is not None
    assert ("drops · too long", "4") in built["facts"]
    assert not any("sha256" in name for name, _ in built["facts"])
    assert ("parameters", "942,336") in tuned["facts"]
    assert ("at the end · holdout loss", f"{material.curves[-1]['holdout_loss']:.4g}") in tuned[
        "facts"
    ]


def test_a_stage_that_has_not_begun_has_no_section(tmp_path: Path) -> None:
    write_built(tmp_path)
    material = read_material(config_of(tmp_path))
    assert tuning_section(material) is None
