-- Age of the newest scan when a command, or a trajectory, was said: upper edges of the bins of 1 ms.
SELECT robot, way, bin_ms, sum(count)::BIGINT AS count
FROM latency
GROUP BY robot, way, bin_ms

-- merge
WITH bins AS (
SELECT robot, way, bin_ms, sum(count)::BIGINT AS count
FROM partial
GROUP BY robot, way, bin_ms
),
ranked AS (
SELECT
    *,
    sum(count) OVER (PARTITION BY robot, way ORDER BY bin_ms) AS below,
    sum(count) OVER (PARTITION BY robot, way) AS total
FROM bins
)
SELECT
    robot,
    way,
    any_value(total)::BIGINT AS commands,
    min(bin_ms) FILTER (WHERE below >= 0.5 * total) AS p50_ms,
    min(bin_ms) FILTER (WHERE below >= 0.99 * total) AS p99_ms,
    max(bin_ms) AS max_ms
FROM ranked
GROUP BY robot, way
ORDER BY way, p99_ms DESC, robot
