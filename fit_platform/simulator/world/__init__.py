"""The true world: one generated reality per seed, of which every provider shows its own view."""

from fit_platform.simulator.world.world import Person, World

__all__ = ["Person", "World"]
