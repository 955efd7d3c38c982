"""Every provider and what can be pulled from it. A new provider is one line here and one folder beside."""

from fit_platform.errors import ConfigError
from fit_platform.providers.base import Resource
from fit_platform.providers.fitbit.resources import RESOURCES as FITBIT
from fit_platform.providers.polar.resources import RESOURCES as POLAR
from fit_platform.providers.strava.resources import RESOURCES as STRAVA
from fit_platform.settings import Settings

PROVIDERS: dict[str, tuple[Resource, ...]] = {"polar": POLAR, "strava": STRAVA, "fitbit": FITBIT}


def every_resource() -> list[Resource]:
    """Every resource of every provider; a resource stands after those that it needs."""
    return [resource for provider in PROVIDERS.values() for resource in provider]


def resources(settings: Settings | None = None) -> list[Resource]:
    """Those that are pulled: without settings, the ones that no switch can turn off."""
    return [
        resource
        for resource in every_resource()
        if resource.switch is None or (settings is not None and getattr(settings, resource.switch))
    ]


def resource(provider: str, name: str) -> Resource:
    """One resource. Raises ConfigError with the known names."""
    known = {r.name: r for r in PROVIDERS.get(provider, ())}
    if name not in known:
        names = ", ".join("/".join(r.key) for r in every_resource())
        raise ConfigError(f"there is no {provider}/{name}; there are {names}")
    return known[name]
