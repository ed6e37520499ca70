"""Steps of a cart beside the purchase in one step: the median round, and the ratios."""

from benchmarks.commerce import LINE, PURCHASE, Cost, median, table


def cost(us: float) -> Cost:
    return Cost(api_us=us / 2, data_nodes_us=us / 4, all_us=us)


def test_the_median_round_counts_figure_by_figure():
    rounds = [{LINE: cost(1)}, {LINE: Cost(api_us=9, data_nodes_us=0, all_us=5)}, {LINE: cost(4)}]
    assert median(rounds) == {LINE: Cost(api_us=2, data_nodes_us=0.25, all_us=4)}


def test_a_step_is_compared_with_the_purchase_in_one_step():
    found = table({PURCHASE: cost(2000), LINE: cost(1500)})
    assert found.rows == [
        [PURCHASE, "1,000", "500", "2,000", "1.00"],
        [LINE, "750", "375", "1,500", "0.75"],
    ]
