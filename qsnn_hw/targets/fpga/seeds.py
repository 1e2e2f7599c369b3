"""Place and route with several seeds: the fastest is kept."""

from collections.abc import Callable

from qsnn_hw.support.progress import Progress
from qsnn_hw.targets.fpga.place_route import PlaceRoute


def best_seed(
    seeds: range,
    route: Callable[[int], PlaceRoute],
    known: Callable[[int], float | None],
    progress: Progress,
) -> PlaceRoute:
    """The routing with the highest Fmax, of equal ones that of the lowest seed.

    Parameters
    ----------
    seeds
        To choose among; a routing depends on nothing else, so that the same ones find the same again.
    route
        Routes with a seed; what it leaves in the folder replaces what another seed left.
    known
        The Fmax in MHz of a seed that an earlier, interrupted search has routed; None where it has not.
    """
    if len(seeds) == 1:
        return route(seeds[0])
    found: dict[int, float] = {}
    last: PlaceRoute | None = None
    for count, seed in enumerate(seeds, 1):
        earlier = known(seed)
        if earlier is None:
            last = route(seed)
        found[seed] = last.fmax_mhz if earlier is None and last is not None else float(earlier or 0)
        best = max(found, key=lambda one: (found[one], -one))
        again = "" if earlier is None else " (routed earlier)"
        progress.say(
            f"route: seed {seed}, {count} of {len(seeds)}: {found[seed]:.2f} MHz{again}; best so far "
            f"{found[best]:.2f} MHz, seed {best}"
        )
    return last if last is not None and last.seed == best else route(best)
