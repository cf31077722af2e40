"""What a call costs where several routes may answer it, each at its own price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from promptkit.pricing import Price, PriceOf, with_overrides
from promptkit.response import Usage


class DearestPrice(Price):
    """The dearest of several prices: what a call may cost before its route is known."""

    __slots__ = ("prices",)

    prices: tuple[Price, ...]

    @classmethod
    def of(cls, prices: Sequence[Price]) -> DearestPrice:
        """Return the price that none of `prices` exceeds.

        >>> DearestPrice.of([Price(1.0, 8.0), Price(2.0, 4.0)]).cost(Usage(1_000_000, 0))
        2.0
        """
        longest = [price.longest_answer for price in prices]
        known = [tokens for tokens in longest if tokens is not None]
        dearest = cls(
            max(price.input for price in prices),
            max(price.output for price in prices),
            None,
            max(known) if len(known) == len(longest) else None,
        )
        object.__setattr__(dearest, "prices", tuple(prices))
        return dearest

    def cost(self, usage: Usage) -> float:
        """Return the most that `usage` costs at any of them, in US dollars."""
        return max(price.cost(usage) for price in self.prices)


class RoutePrices:
    """Prices by route: each profile may have its own, even for the same model.

    Attributes:
        endpoint: The group's name in requests, whose price is the dearest route's.
        model: What the group calls the model.
    """

    def __init__(
        self,
        endpoint: str,
        model: str | None,
        routes: Sequence[tuple[str, str | None, Mapping[str, Price]]],
    ) -> None:
        """Take each route's endpoint, its name for the model, and its profile's prices."""
        self.endpoint = endpoint
        self.model = model
        self._routes = [(place, name) for place, name, _ in routes]
        own: dict[str, dict[str, Price]] = {}
        for place, _, prices in routes:
            own.setdefault(place, {}).update(prices)
        self._own: dict[str, PriceOf] = {
            place: with_overrides(prices) for place, prices in own.items()
        }
        self._listed = with_overrides({})

    def at_route(self, model: str, endpoint: str) -> Price | None:
        """Return the price at one route; None where it is unknown."""
        return self._own.get(endpoint, self._listed)(model, endpoint)

    def __call__(self, model: str, endpoint: str) -> Price | None:
        """Return the dearest route's price for the group, None where one of them is unknown."""
        if endpoint != self.endpoint:
            return self.at_route(model, endpoint)
        prices = []
        for place, name in self._routes:
            price = self.at_route(name if name and model == self.model else model, place)
            if price is None:
                return None
            prices.append(price)
        return prices[0] if all(p == prices[0] for p in prices) else DearestPrice.of(prices)
