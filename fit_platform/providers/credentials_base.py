"""What a provider asks of somebody who wants its API: told by `init`, by `link` and by `doctor`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Guide:
    """How to get a client id and secret. `steps` in order; `demands`: what to know before. One sentence or two each.

    `page`: where clients are made. `api_docs`: the provider's own documentation of its API.
    `link_options`: what `fit-platform link` needs there that it does not need elsewhere.
    """

    name: str
    page: str
    api_docs: str
    steps: tuple[str, ...]
    demands: tuple[str, ...] = ()
    link_options: str = ""

    def lines(self) -> list[str]:
        """The steps, numbered, and then the demands."""
        numbered = [f"{number}. {step}" for number, step in enumerate(self.steps, start=1)]
        return [*numbered, *(f"- {demand}" for demand in self.demands)]
