-- Each day (UTC, by the begin of the recording).
SELECT
    strftime(make_timestamp(begin_ns // 1000), '%Y-%m-%d') AS day,
    count(*)::BIGINT AS runs,
    sum(operating_ms)::BIGINT AS operating_ms,
    sum(distance_mm)::BIGINT AS distance_mm,
    sum(stops)::BIGINT AS stops,
    sum(stops_asked)::BIGINT AS stops_asked,
    sum(faults)::BIGINT AS faults,
    sum(hard_overrides)::BIGINT AS hard_overrides,
    sum(interventions)::BIGINT AS interventions,
    sum(recoveries)::BIGINT AS recoveries,
    sum(recovery_ms)::BIGINT AS recovery_ms,
    sum(unrecovered)::BIGINT AS unrecovered,
    sum(missions_begun)::BIGINT AS missions_begun,
    sum(missions_completed)::BIGINT AS missions_completed,
    sum(collisions)::BIGINT AS collisions,
    sum(bumps)::BIGINT AS bumps
FROM runs
GROUP BY day

-- merge
WITH summed AS (
SELECT
    day,
    sum(runs)::BIGINT AS runs,
    sum(operating_ms)::BIGINT AS operating_ms,
    sum(distance_mm)::BIGINT AS distance_mm,
    sum(stops)::BIGINT AS stops,
    sum(stops_asked)::BIGINT AS stops_asked,
    sum(faults)::BIGINT AS faults,
    sum(hard_overrides)::BIGINT AS hard_overrides,
    sum(interventions)::BIGINT AS interventions,
    sum(recoveries)::BIGINT AS recoveries,
    sum(recovery_ms)::BIGINT AS recovery_ms,
    sum(unrecovered)::BIGINT AS unrecovered,
    sum(missions_begun)::BIGINT AS missions_begun,
    sum(missions_completed)::BIGINT AS missions_completed,
    sum(collisions)::BIGINT AS collisions,
    sum(bumps)::BIGINT AS bumps
FROM partial
GROUP BY day
)
SELECT
    day,
    runs,
    round(operating_ms / 3.6e6, 4) AS hours,
    round(distance_mm / 1e6, 4) AS km,
    stops,
    stops * 3.6e6 / nullif(operating_ms, 0) AS stops_per_h,
    stops * 1e6 / nullif(distance_mm, 0) AS stops_per_km,
    faults + hard_overrides AS malfunctions,
    (faults + hard_overrides) * 3.6e6 / nullif(operating_ms, 0) AS malfunctions_per_h,
    operating_ms / 3.6e6 / nullif(faults + hard_overrides, 0) AS mtbf_h,
    recovery_ms / 1e3 / nullif(recoveries, 0) AS mttr_s,
    unrecovered,
    interventions,
    interventions * 1e6 / nullif(distance_mm, 0) AS interventions_per_km,
    missions_begun,
    missions_completed,
    collisions
FROM summed
ORDER BY day
