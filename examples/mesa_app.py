"""The model in Mesa's own browser app: `make app`."""

from __future__ import annotations

import solara
from matplotlib.figure import Figure
from mesa.visualization import SolaraViz, make_plot_component
from mesa.visualization.utils import update_counter

from sim import AlignmentModel

PARAMETERS = {
    "scenario": "quickstart",
    "population.size": {
        "type": "SliderInt",
        "label": "Persons",
        "value": 1000,
        "min": 100,
        "max": 10000,
        "step": 100,
    },
    "constraints.coupling": {
        "type": "SliderFloat",
        "label": "Coupling J",
        "value": 0.3,
        "min": 0.0,
        "max": 2.0,
        "step": 0.1,
    },
    "constraints.width": {
        "type": "SliderFloat",
        "label": "Relay width w",
        "value": 0.6,
        "min": 0.0,
        "max": 2.0,
        "step": 0.1,
    },
}


@solara.component
def TrustAndNarrative(model: AlignmentModel) -> None:  # noqa: N802
    """Each person as a dot: narrative displacement against trust, by burden."""
    update_counter.get()
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    state = model.state
    dots = axes.scatter(
        state.narrative[:, 0], state.trust[:, 0], c=model.frame.burden[:, 0], s=6, vmin=0, vmax=1
    )
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="Narrative displacement n", ylabel="Trust T")
    figure.colorbar(dots, label="Burden c")
    solara.FigureMatplotlib(figure)


model = AlignmentModel("quickstart", **{"population.size": 1000})
page = SolaraViz(
    model,
    components=[
        make_plot_component(
            {"prevalence": "tab:red", "trust": "tab:blue", "narrative": "tab:gray"}
        ),
        TrustAndNarrative,
    ],
    model_params=PARAMETERS,
    name="remanence: quickstart",
)
