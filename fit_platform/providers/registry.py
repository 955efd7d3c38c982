"""Every provider and what can be pulled from it. A new provider is one line here and one folder beside."""

from fit_platform.errors import ConfigError
from fit_platform.providers.base import Resource
from fit_platform.providers.fitbit.resources import RESOURCES as FITBIT
from fit_platform.providers.polar.resources import RESOURCES as POLAR
from fit_platform.providers.strava.resources import RESOURCES as STRAVA

PROVIDERS: dict[str, tuple[Resource, ...]] = {"polar": POLAR, "strava": STRAVA, "fitbit": FITBIT}


def resources(*, include_optional: bool = False) -> list[Resource]:
    """Every resource of every provider; a resource stands after those that it needs.

    The optional ones, which cost many calls for what few need, are left out unless asked for.
    """
    every = (resource for provider in PROVIDERS.values() for resource in provider)
    return [resource for resource in every if include_optional or not resource.is_optional]


def resource(provider: str, name: str) -> Resource:
    """One resource. Raises ConfigError with the known names."""
    known = {r.name: r for r in PROVIDERS.get(provider, ())}
    if name not in known:
        names = ", ".join("/".join(r.key) for r in resources(include_optional=True))
        raise ConfigError(f"there is no {provider}/{name}; there are {names}")
    return known[name]
