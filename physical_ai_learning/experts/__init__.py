"""Training of the planner's experts: sentences from phrases, heads, router, and how both are judged."""
