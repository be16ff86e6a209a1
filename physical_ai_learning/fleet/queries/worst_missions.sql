-- The missions with most stops, malfunctions and interventions.
SELECT robot, bag, goal_id, begin_ms, outcome, software, site, duration_ms, distance_mm, stops, faults, hard_overrides, interventions, recovery_ms, stops + faults + hard_overrides + interventions AS troubles
FROM missions
ORDER BY troubles DESC, recovery_ms DESC, bag, begin_ms
LIMIT 20

-- merge
SELECT
    robot, left(bag, 12) AS bag, goal_id, outcome, software, site, duration_ms / 1e3 AS seconds, distance_mm / 1e3 AS metres,
    stops, faults, hard_overrides, interventions, recovery_ms / 1e3 AS recovery_s, troubles
FROM partial
ORDER BY troubles DESC, recovery_ms DESC, partial.bag, begin_ms
LIMIT 20
