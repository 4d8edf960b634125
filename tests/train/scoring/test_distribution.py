from train.scoring.distribution import describe
from train.scoring.scored import Scored
from train.scoring.target import Likelihood

FAILED = Likelihood(0, 0.0, "failed")


def scored(mean: float) -> Scored:
    under, alone = Likelihood(10, 10 * mean, "ok"), Likelihood(10, 10.0, "ok")
    return Scored(str(mean), (under, alone, FAILED, FAILED))


def test_quantiles_are_of_the_samples_that_have_a_ratio_and_statuses_of_all() -> None:
    told = describe([*map(scored, (0.5, 0.75, 1.0)), Scored("f", (FAILED,) * 4)]).splitlines()
    assert told[0] == "4 samples: 4 failed"
    assert told[2].split("|")[0].split() == [
        *("IFD", "0.607", "0.624", "0.693", "0.779", "0.889", "0.978", "1.000", "33.3%")
    ]
    assert told[3] == "r-IFD no scores"


def test_no_samples_have_no_distribution() -> None:
    assert describe([]).startswith("0 samples: none")
