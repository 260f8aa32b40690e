"""Objectives that are wrong in just one way; named in recipes as ``tests.training.broken:NAME``."""

from yunque.training.objectives.answers import AnswerCrossEntropy


class MeanLoss(AnswerCrossEntropy):
    """Gives the mean over the rows of a batch where a sum is asked for."""

    def loss(self, model, batch):
        return super().loss(model, batch) / len(batch.ids_BT)


class Remembers(AnswerCrossEntropy):
    """Weighs its third loss otherwise: a state that no checkpoint holds."""

    calls = 0

    def loss(self, model, batch):
        if model.training:
            self.calls += 1
        return super().loss(model, batch) * (1 + self.calls / 10)
