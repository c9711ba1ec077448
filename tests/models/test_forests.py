"""A forest in 32-bit floats: the graph says exactly what the trees say."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from domain.kinds import MARKOUT
from models.bundle import predict
from models.forests import SHAPE, Forests, grow


def taught(scale: float) -> tuple[Forests, np.ndarray]:
    draw = np.random.default_rng(3)
    width, outputs = len(MARKOUT.features), len(MARKOUT.outputs)
    rows = draw.standard_normal((2_000, width)).astype(np.float32).astype(np.float64)
    # Neighbours in their last 32-bit digit, so that a 64-bit threshold would lie between them.
    rows[1::2] = np.nextafter(rows[::2].astype(np.float32), np.float32(np.inf)).astype(np.float64)
    labels = [scale * (rows[:, column] + np.where(np.arange(2_000) % 2, 1, -1)) for column in range(outputs)]
    return grow(MARKOUT, rows, labels, [{"loss": "squared_error"}] * outputs, seed=1), rows


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
def test_the_graph_and_the_trees_agree_to_the_last_bit(scale):
    forests, rows = taught(scale)
    assert np.array_equal(predict(forests.export(), rows, MARKOUT), forests.answers(rows))


def test_rounding_moves_an_answer_by_less_than_a_hundred_thousandth_of_what_the_trees_can_say():
    forests, rows = taught(1.0)
    draw = rows[:, 0] + np.where(np.arange(2_000) % 2, 1, -1)
    plain = HistGradientBoostingRegressor(random_state=1, **SHAPE, loss="squared_error").fit(rows, draw)
    assert np.abs(plain.predict(rows) - forests.answers(rows)[:, 0]).max() < 1e-5 * np.ptp(draw)
