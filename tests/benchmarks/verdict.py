"""How often the overall verdict is right, and how many items it takes, where the truth is known.

    python -m tests.benchmarks.verdict --runs 400

Simulates the answers of base and tuned model to the shipped suites at their real sizes, with their
clusters, and judges them as a report does. Text and domain leak are taken to be within their
limits, so that the items decide. ``churn`` is the share of items that change by chance, half of
them in each direction; ``alike`` correlates the changes of items from one template or content.
``auto`` asks in batches until everything is decided. Prints the share of each verdict and the mean
number of items.
"""

from __future__ import annotations

from typing import Any, get_args

from tests.benchmarks.recording import option_parser, save
from tests.evaluation.simulated_runs import AnySize, World, loss_everywhere, no_loss, shares
from workbench.cli.output import emit_table
from workbench.evaluation.analysis.margins import MARGINS

SIZES: tuple[AnySize, ...] = get_args(AnySize)

WORLDS: dict[str, World] = {
    "no loss, 5 % churn": no_loss(0.05),
    "no loss, 20 % churn": no_loss(0.2),
    "no loss, 5 % churn, alike .3": no_loss(0.05, alike=0.3),
    "no loss, 20 % churn, alike .3": no_loss(0.2, alike=0.3),
    "one side of safety loses 30 points": World(0.05, {"safety_harmful": 0.3}),
    "one side of safety loses its margin, 15 points": World(0.05, {"safety_harmful": 0.15}),
}
TWICE = "every suite loses twice the margin over all items"


def simulate(name: str, size: AnySize, runs: int) -> dict[str, Any]:
    """One line of the table."""
    world = loss_everywhere(2 * MARGINS[size]) if name == TWICE else WORLDS[name]
    verdicts, asked = shares(world, size, runs)
    rates = {str(state): share for state, share in verdicts.items()}
    return {"truth": name, "size": size, "items": round(asked), **rates}


def main() -> None:
    parser = option_parser("verdict", __doc__)
    parser.add_argument("--runs", type=int, default=400, help="simulated runs in each line")
    options = parser.parse_args()
    lines = [simulate(name, size, options.runs) for name in (*WORLDS, TWICE) for size in SIZES]
    emit_table(
        ("truth", "size", "PASS", "FAIL", "INCONCLUSIVE", "items"),
        [
            (
                line["truth"],
                line["size"],
                *(f"{line[state]:.1%}" for state in ("PASS", "FAIL", "INCONCLUSIVE")),
                f"{line['items']:,}",
            )
            for line in lines
        ],
    )
    kept = {line["size"]: line for line in lines if line["truth"] == "no loss, 5 % churn"}
    figures = {
        **{f"kept_{size}": kept[size]["PASS"] for size in ("standard", "full", "auto")},
        "wrong_fail": max(line["FAIL"] for line in lines if line["truth"].startswith("no loss")),
        "auto_share": kept["auto"]["items"] / kept["full"]["items"],
        "lines": lines,
    }
    save(options, figures)


if __name__ == "__main__":
    main()
