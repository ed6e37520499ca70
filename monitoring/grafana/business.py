"""What is sold, and what is refused."""

from monitoring.grafana.panels import Dashboard, Panel
from monitoring.grafana.queries import CURRENCY, REFUSED, rate

BUSINESS = Dashboard(
    uid="evergreen-business",
    title="Business",
    variables=(("currency", "label_values(evergreen_purchases_total, currency)"),),
    rows=(
        (
            "Sales",
            (
                Panel(
                    title="Purchases an hour",
                    queries=[
                        (f"3600 * {rate('evergreen_purchases_total', 'currency', CURRENCY)}", "{{currency}}"),
                        ("3600 * evergreen:purchases:rate30m offset 1w", "all, a week ago"),
                    ],
                ),
                Panel(
                    title="Revenue an hour",
                    queries=[
                        (
                            f"3600 * {rate('evergreen_purchase_revenue_total', 'currency', CURRENCY)}",
                            "{{currency}}",
                        )
                    ],
                    description="In each currency's own unit. What purchases were placed for, cancelled ones too.",
                ),
                Panel(
                    title="Units an hour",
                    queries=[
                        (
                            f"3600 * {rate('evergreen_purchase_units_total', 'currency', CURRENCY)}",
                            "{{currency}}",
                        )
                    ],
                ),
                Panel(
                    title="Average purchase",
                    queries=[
                        (
                            f"{rate('evergreen_purchase_revenue_total', 'currency', CURRENCY)}"
                            f" / {rate('evergreen_purchases_total', 'currency', CURRENCY)}",
                            "{{currency}}",
                        )
                    ],
                ),
                Panel(
                    title="Transitions of purchases, an hour",
                    queries=[(f"3600 * {rate('evergreen_purchase_transitions_total', 'status')}", "{{status}}")],
                ),
                Panel(
                    title="Refusals an hour",
                    queries=[
                        (
                            f"3600 * {rate('evergreen_problems_total', 'code', REFUSED)}",
                            "{{code}}",
                        )
                    ],
                    stacked=True,
                ),
            ),
        ),
    ),
)
