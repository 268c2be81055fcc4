"""An optimizer of one's own: corrects a group only once many report, and then in full.

remanence run SCENARIO --allow-plugins --set \
        'optimizers=[{kind: plugin, use: "own_optimizer:Brigade", options: {alarm: 0.3}}]'
"""

import numpy as np

from sim.optimizers import Optimizer


class Brigade(Optimizer):
    """Senses reports; answers an alarm with the largest effort; blind to those who are silent."""

    def __init__(self, model, spec, place=0):
        super().__init__(model, spec, place)
        self.alarmed = np.zeros((1, 1, 1), dtype=bool)  # group, channel, branch

    def sense(self, frame):
        """Raise an alarm where more than a share of the reports say active."""
        answers, positives = frame.state.answers, frame.state.positives
        share = np.divide(positives, answers, out=np.zeros(answers.shape), where=answers > 0)
        self.alarmed = share > self.spec.options.get("alarm", 0.5)

    def act(self, frame):
        """Correct whoever is alarmed, as far as the budget goes."""
        wanted = np.where(self.alarmed, frame.coefficients.u_max, 0.0)
        if frame.step < self.spec.start:
            wanted[...] = 0.0
        return self.pay(wanted, frame=frame)
