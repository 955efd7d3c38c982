"""Pictures for the Dagster UI. Only the local target draws them: health values have no place in a shared event log."""

import base64
import io
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg

from fit_platform.providers.base import Resource

if TYPE_CHECKING:
    from fit_platform.warehouse.duckdb_warehouse import DuckDBWarehouse

_X_BY_TABLE = {
    "fitbit_heart_rate": "date_part('epoch', sampled_at - dt::TIMESTAMPTZ) / 3600",
    "polar_continuous_heart_rate": "second_of_day / 3600",
}


def heart_rate_plot(warehouse: "DuckDBWarehouse", resource: Resource, day: date) -> dg.MarkdownMetadataValue:
    """One day's heart rate of every athlete as a small PNG, one line an athlete, unnamed."""
    import matplotlib as mpl

    mpl.use("Agg")  # no display; set before pyplot is imported
    from matplotlib import pyplot as plt

    table = resource.tables[0].name
    samples = warehouse.query(
        f"SELECT athlete_id, {_X_BY_TABLE[table]} AS hour, bpm FROM base.{table} "
        "WHERE dt = ? AND bpm BETWEEN 30 AND 250 ORDER BY athlete_id, hour",
        [day],
    ).to_pandas()
    figure, axes = plt.subplots(figsize=(7.5, 2.4), layout="constrained")
    for number, (_, mine) in enumerate(samples.groupby("athlete_id"), start=1):
        axes.plot(mine["hour"], mine["bpm"], linewidth=0.7, label=f"athlete {number}")
    axes.set(xlim=(0, 24), xticks=range(0, 25, 3), xlabel="hour of the partition day", ylabel="heart rate, bpm")
    if not samples.empty:
        axes.legend(frameon=False, fontsize="small")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90)
    plt.close(figure)
    encoded = base64.b64encode(buffer.getvalue()).decode()
    return dg.MetadataValue.md(f"![heart rate on {day}](data:image/png;base64,{encoded})")
